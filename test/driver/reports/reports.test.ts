import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DefaultTreeAdapterTypes, parse } from 'parse5';
import type { Recorded } from '../../../driver/events';
import { parseEvents, runEvents } from '../../../driver/reports/eventLog';
import { writeReports } from '../../../driver/reports/files';
import { htmlReport } from '../../../driver/reports/html';
import { reportOf } from '../../../driver/reports/model';
import { metricsText } from '../../../driver/reports/prometheus';
import { runTimeline, turnTimelines } from '../../../driver/reports/timeline';
import { RunLog } from '../../../driver/runLog';
import { SecretFilter } from '../../../driver/secrets';
import { nodesOf, OPENED, record, recorded, START, started, wholeRun } from '../../support/events';

interface Family {
  name: string;
  help: string;
  type: string;
  metrics: { value: string; labels?: Record<string, string> }[];
}

const parsePrometheus = createRequire(__filename)('parse-prometheus-text-format') as (text: string) => Family[];

/** A join that failed, and the rollback that followed. */
const ROLLED_BACK = record(
  OPENED,
  started(nodesOf(1)),
  { type: 'node.started', node: 'k8s-ctrl-1', index: 0, of: 1, from: 'v1.11.3', to: 'v1.12.4' },
  { type: 'phase.started', node: 'k8s-ctrl-1', phase: 'join' },
  { type: 'node.finished', node: 'k8s-ctrl-1', outcome: 'open', ms: 1000, message: '<script>alert(1)</script>' },
  { type: 'rollback.started', node: 'k8s-ctrl-1', from: 'v1.12.4', to: 'v1.11.3', why: 'join failed' },
  { type: 'node.started', node: 'k8s-ctrl-1', index: 0, of: 1, from: 'v1.12.4', to: 'v1.11.3' },
  { type: 'phase.started', node: 'k8s-ctrl-1', phase: 'join' },
  { type: 'phase.finished', node: 'k8s-ctrl-1', phase: 'join', ms: 1000 },
  { type: 'node.finished', node: 'k8s-ctrl-1', outcome: 'rolled back', ms: 3000 },
  { type: 'run.finished', outcome: 'stopped', ms: 10_000, exitCode: 3 },
);

describe('driver/reports', () => {
  it('says who, what, when and why', () => {
    const { actor, command, options, startedAt, reason, outcome } = reportOf(wholeRun(1));
    assert.deepEqual(
      [actor?.name, command, options.yes, startedAt, reason, outcome],
      ['alice', 'roll', true, new Date(START).toISOString(), 'CVE in the kernel', 'done'],
    );
  });

  it('a rollback belongs to its node: both turns, the phase that failed, the release that was wanted', () => {
    const [node] = reportOf(ROLLED_BACK).nodes;
    assert.deepEqual([node?.outcome, node?.ms, node?.from, node?.to], ['rolled back', 4000, 'v1.11.3', 'v1.12.4']);
    assert.deepEqual(
      node?.spans.map(({ state, ms }) => [state, ms]),
      [
        ['failed', 1000],
        ['finished', 1000],
      ],
    );
  });

  it('a run that was killed is cut off, its node under way', () => {
    const report = reportOf(wholeRun(2).slice(0, 10));
    assert.deepEqual([report.outcome, report.exitCode, report.nodes[0]?.outcome], ['cut off', undefined, 'under way']);
    assert.equal(report.nodes[1]?.outcome, 'not started');
  });

  it('bars stay on their axis, and those of a node do not overlap', () => {
    for (const events of [wholeRun(15), ROLLED_BACK, wholeRun(3).slice(0, 17)])
      for (const { rows, ticks } of [runTimeline(reportOf(events)), turnTimelines(reportOf(events))]) {
        assert.ok(ticks.length >= 2 && ticks.length <= 11);
        for (const { bars } of rows)
          for (const [index, { left, width }] of bars.entries()) {
            assert.ok(left >= 0 && left + width <= 100.001);
            const before = bars[index - 1];
            if (before) assert.ok(left >= before.left + before.width - 0.16);
          }
      }
  });

  it('the HTML report has a bar for each phase, and neither script nor address in it, whatever a message holds', () => {
    const page = elements(parse(htmlReport(reportOf(ROLLED_BACK), ROLLED_BACK)));
    assert.deepEqual(
      [...new Set(page.map(({ tagName }) => tagName))].filter((tag) => /script|link|img|iframe/.test(tag)),
      [],
    );
    const attributes = page.flatMap(({ attrs }) => attrs.map(({ name }) => name));
    assert.deepEqual(
      attributes.filter((name) => name.startsWith('on') || name === 'src' || name === 'href'),
      [],
    );
    const bars = page.filter(({ attrs }) =>
      attrs.some(({ name, value }) => name === 'title' && value.startsWith('join')),
    );
    assert.equal(bars.length, 4);
  });

  it('the metrics are read back by a parser: one gauge a name, with its help, in base units', () => {
    const families = parsePrometheus(metricsText(reportOf(wholeRun(3))));
    for (const { name, help, type } of families) {
      assert.match(name, /^prox_ops_(run|node)_[a-z_]+$/);
      assert.equal(type, 'GAUGE');
      assert.ok(help.length > 10);
      assert.doesNotMatch(name, /_total$|_milliseconds|gauge/);
    }
    const replaced = families.find(({ name }) => name === 'prox_ops_run_nodes')?.metrics;
    assert.equal(replaced?.find(({ labels }) => labels?.outcome === 'replaced')?.value, '3');
  });

  it('label values are escaped', () => {
    const events: Recorded[] = [recorded({ ...OPENED, stack: 'a"b\\c\nd' } as Recorded, START)];
    assert.match(metricsText(reportOf(events)), /stack="a\\"b\\\\c\\nd"/);
  });

  it('is written whole, for the right readers, and an event log is read back as it was', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'prox-ops-reports-'));
    try {
      const log = new RunLog(directory, 'run', new SecretFilter());
      for (const event of ROLLED_BACK) log.emit(event);
      const metrics = join(directory, 'prox-ops.prom');
      const files = writeReports(log, { metricsFile: metrics });
      assert.deepEqual(readdirSync(directory).sort(), ['.prox-ops', 'prox-ops.prom']);
      assert.equal(statSync(metrics).mode & 0o777, 0o644);
      for (const file of [files.log, files.json ?? '', files.html ?? ''])
        assert.equal(statSync(file).mode & 0o777, 0o600);
      assert.deepEqual(await runEvents(directory), JSON.parse(JSON.stringify(log.events)));
      assert.equal(writeReports(log, { metricsFile: join(directory, 'none', 'x.prom') }).log, log.file);
      assert.equal(log.events.at(-1)?.type, 'notice');
      assert.ok(readFileSync(files.json ?? '', 'utf8').endsWith('}\n'));
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  it('passes over what a newer release or a crash has left, and refuses another version', () => {
    const [line] = record(OPENED).map((event) => JSON.stringify(event));
    const newer = JSON.stringify({ ...record(OPENED)[0], type: 'run.imagined' });
    assert.equal(parseEvents(`${line}\n${newer}\n{"v":1,"ty`, 'x').length, 1);
    assert.throws(() => parseEvents('{"v":2,"type":"run.opened"}', 'x'), /x: expected events of version 1, found 2/);
    assert.throws(
      () => parseEvents('{"v":1,"run":"r","at":"2026-11-21T12:00:00Z","type":"notice"}', 'x'),
      /line 1: subject/,
    );
  });
});

function elements(node: DefaultTreeAdapterTypes.Node): DefaultTreeAdapterTypes.Element[] {
  const children = 'childNodes' in node ? node.childNodes.flatMap(elements) : [];
  return 'attrs' in node ? [node, ...children] : children;
}
