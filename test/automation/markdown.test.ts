import assert from 'node:assert/strict';
import { mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findingsOf } from '../../driver/ci/checks';
import type { PlannedNode, RollPlan } from '../../driver/plan';
import { planMarkdown } from '../../driver/planMarkdown';
import type { Outlook } from '../../driver/planOutlook';
import { keepStepSummary, stepSummary } from '../../driver/reports/stepSummary';
import { RunLog } from '../../driver/runLog';
import { markdownBlock } from '../../driver/views/markdown';
import { nodesOf, OPENED, record, started, wholeRun } from '../support/events';

const node: PlannedNode = {
  name: 'k8s-work-1',
  role: 'worker',
  vmId: 8004,
  from: 'v1.11.3',
  to: 'v1.12.4',
  action: 'replace',
  needsReplacement: [],
  why: ['Talos v1.11.3 -> v1.12.4'],
  urns: [],
  known: true,
};

const OUTLOOK: Outlook = {
  blockers: [],
  warnings: [],
  replicas: {},
  expected: { 'k8s-work-1': { ms: 90_000, basis: 'x' } },
};

const planned = (nodes: PlannedNode[]): RollPlan => ({ nodes, prepare: [], inPlace: [] });

describe('the plan as a comment', () => {
  it('says in its first line whether it is ready, for how many nodes and how long', () => {
    const text = planMarkdown('prod', planned([node, { ...node, name: 'w2', action: 'upgrade' }]), {
      ...OUTLOOK,
      expected: { ...OUTLOOK.expected, w2: { ms: 30_000, basis: 'x' } },
    });
    assert.match(
      text,
      /^### Plan: prod\n\n\*\*✅ ready\*\*: 1 node\(s\) to replace, 1 to upgrade in place, about 2m00s/,
    );
    assert.match(text, /\| 1 \| k8s-work-1 \| worker \| 8004 \| v1\.11\.3 -> v1\.12\.4 \| replace \| .* \| 1m30s \|/);
  });

  it('has the blockers on top, and how to remove them; warnings are folded', () => {
    const finding = {
      severity: 'blocker' as const,
      topic: 'budget' as const,
      node: 'k8s-work-1',
      object: 'web/api | budget',
      expected: 'one disruption allowed',
      found: 'none',
      remedy: 'raise its replicas',
    };
    const blocked = { ...OUTLOOK, blockers: [finding], warnings: [{ ...finding, severity: 'warning' as const }] };
    const text = planMarkdown('prod', planned([node]), blocked);
    assert.match(text, /^### Plan: prod\n\n\*\*❌ blocked by 1\*\*/);
    assert.ok(text.indexOf('#### Blockers') < text.indexOf('| 1 | k8s-work-1'));
    assert.match(
      text,
      /\| k8s-work-1 \| web\/api \\\| budget \| one disruption allowed \| none \| raise its replicas \|/,
    );
    assert.match(text, /<details><summary>1 warning\(s\)<\/summary>/);
  });

  it('says that there is nothing to do, and no time that nobody knows', () => {
    assert.match(planMarkdown('prod', planned([]), OUTLOOK), /✅ Nothing to do/);
    assert.doesNotMatch(planMarkdown('prod', planned([node]), { ...OUTLOOK, expected: {} }), /about/);
  });
});

describe('the summary of a step', () => {
  it('has every node with its outcome, and what a stopped run leaves', () => {
    assert.match(
      stepSummary(wholeRun(4)),
      /^### roll: lab\n\n\*\*done, exit code 0\*\*, 4 of 4 nodes, .* Why: CVE in the kernel\./,
    );
    const cut = record(
      OPENED,
      started(nodesOf(2)),
      { type: 'node.started', node: 'k8s-ctrl-1', index: 0, of: 2, to: 'v1.12.4' },
      { type: 'node.finished', node: 'k8s-ctrl-1', outcome: 'put back', ms: 9000, message: 'asked to stop' },
      { type: 'run.interrupted', message: 'Stopping: the node under way is put back' },
    );
    const text = stepSummary(cut);
    assert.match(text, /\*\*under way\*\*, 1 of 2 nodes/);
    assert.match(
      text,
      /\| k8s-ctrl-1 \| controlplane \| v1\.11\.3 -> v1\.12\.4 \| ❌ put back \| 9\.0s \| asked to stop \|/,
    );
    assert.match(text, /\| k8s-ctrl-2 \|.*· not started \|/);
    assert.match(text, /\nStopping: the node under way is put back/);
  });

  describe('in its file', () => {
    let folder: string;

    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), 'prox-ops-summary-'));
    });

    afterEach(() => {
      rmSync(folder, { recursive: true });
    });

    it('is there while the run goes on, below what the step had written before', () => {
      const file = join(folder, 'summary.md');
      writeFileSync(file, 'before\n');
      const log = new RunLog(folder, 'run');
      keepStepSummary(log, file);
      log.emit(OPENED);
      assert.equal(readFileSync(file, 'utf8'), 'before\n');
      log.emit(started(nodesOf(2)));
      log.emit({ type: 'node.started', node: 'k8s-ctrl-1', index: 0, of: 2, to: 'v1.12.4' });
      const text = readFileSync(file, 'utf8');
      assert.match(text, /^before\n### roll: lab\n\n\*\*under way\*\*, 0 of 2 nodes/);
      assert.match(text, /▶ under way/);
    });

    it('that cannot be written is told once, and the run goes on', () => {
      const file = join(folder, 'summary');
      mkdirSync(join(folder, 'summary.d'));
      const log = new RunLog(folder, 'run');
      keepStepSummary(log, join(file, 'x'));
      log.emit(started(nodesOf(1)));
      log.emit({ type: 'prepare.finished', ms: 1 });
      const notices = log.events.filter(({ type }) => type === 'notice');
      assert.equal(notices.length, 1);
    });
  });
});

describe('scheduled checks', () => {
  const well = {
    health: {
      found: { report: { ok: true, passed: 7, total: 7, summary: '7/7 checks passed', checks: [] }, text: '7/7' },
    },
    versions: { found: { versions: { rows: [], tools: {}, differences: [] }, stale: {} } },
    secrets: { found: { ages: [{ name: 'x', days: 3, due: false, rotation: '' }], text: 'young' } },
  };
  const oks = (looked: Parameters<typeof findingsOf>[1]) => findingsOf('prod', looked).map(({ id, ok }) => [id, ok]);

  it('are well when nothing is wrong, stale or due', () => {
    assert.deepEqual(oks(well), [
      ['health', true],
      ['stale-versions', true],
      ['secrets-age', true],
    ]);
  });

  it('are not well each for a reason of its own', () => {
    const failed = { ...well.health.found.report, ok: false };
    assert.deepEqual(oks({ ...well, health: { found: { report: failed, text: '' } } })[0], ['health', false]);
    const versions = { rows: [], tools: {}, differences: ['Talos v1.11.3 on w1, pinned v1.12.4.'] };
    const [, behind] = findingsOf('prod', {
      ...well,
      versions: { found: { versions, stale: { w2: ['schematic a'] } } },
    });
    assert.equal(behind?.ok, false);
    assert.match(behind?.text ?? '', /^- Talos v1\.11\.3 on w1, pinned v1\.12\.4\.\n- w2: schematic a\n/);
    const ages = [{ name: 'x', days: 91, due: true, rotation: 'anew' }];
    assert.deepEqual(oks({ ...well, secrets: { found: { ages, text: '' } } })[2], ['secrets-age', false]);
  });

  it('that could not be made are not well either', () => {
    const [health] = findingsOf('prod', { ...well, health: { trouble: 'the API does not answer' } });
    assert.equal(health?.ok, false);
    assert.match(health?.text ?? '', /could not be made[^]*```\nthe API does not answer\n```/);
  });

  it('show text whose own fences end no block', () => {
    assert.equal(markdownBlock('a\n```\nb'), '````\na\n```\nb\n````\n');
  });
});
