import assert from 'node:assert/strict';
import { stripVTControlCharacters } from 'node:util';
import type { Recorded, RunEvent } from '../../driver/events';
import { leftBehind } from '../../driver/session';
import { reportOf } from '../../driver/reports/model';
import { reportText } from '../../driver/reports/table';
import { duration } from '../../driver/views/format';
import { Picture, type Screen } from '../../driver/views/picture';
import { eventText } from '../../driver/views/text';
import { nodesOf, OPENED, record, recorded, RUN_ID, START, started, wholeRun } from '../support/events';

const NODES = nodesOf(4);
const UNDER_WAY: RunEvent[] = [
  started(NODES),
  { type: 'node.started', node: 'k8s-ctrl-1', index: 0, of: 4, from: 'v1.11.3', to: 'v1.12.4' },
  { type: 'phase.started', node: 'k8s-ctrl-1', phase: 'drain' },
  { type: 'progress', node: 'k8s-ctrl-1', message: 'drain: waiting: 3 of 9 pods left, PDB web/web allows none' },
];

function shown(events: Recorded[], screen: Partial<Screen> = {}, now = START + 4000): string[] {
  const picture = new Picture();
  for (const event of events) picture.add(event);
  return stripVTControlCharacters(picture.text({ columns: 100, rows: 24, ...screen }, now)).split('\n');
}

describe('driver/views', () => {
  it('the live view shows every node, and the step under way with its moving detail', () => {
    const lines = shown(record(...UNDER_WAY));
    assert.match(lines[0] ?? '', /^roll lab {2}0\/4 nodes {2}4\.0s/);
    assert.match(lines[1] ?? '', /^▶ k8s-ctrl-1 {2}v1\.11\.3 -> v1\.12\.4 {2}3\.0s$/);
    assert.match(lines[2] ?? '', /^ {4}drain 2\.0s: waiting: 3 of 9 pods left, PDB web\/web allows none$/);
    assert.deepEqual(
      lines.slice(3),
      NODES.slice(1).map(({ name }) => `· ${name}  v1.11.3 -> v1.12.4`),
    );
  });

  it('says how long a turn is expected to take, and how long the rest', () => {
    const planned = started(NODES.map((node) => ({ ...node, expectedMs: 60_000 })));
    const lines = shown(record(planned, ...UNDER_WAY.slice(1)), {}, START + 31_000);
    assert.match(lines[0] ?? '', /31s, about 3m30s left/);
    assert.match(lines[1] ?? '', /30s of about 1m00s$/);
    const alone = started(NODES.slice(0, 1).map((node) => ({ ...node, expectedMs: 60_000 })));
    const late = shown(record(alone, ...UNDER_WAY.slice(1)), {}, START + 90_000);
    assert.doesNotMatch(late[0] ?? '', /left/);
    assert.match(late[1] ?? '', /1m29s of about 1m00s$/);
  });

  it('expects of the next node what the finished ones of its role took, where no plan says', () => {
    const events = record(
      ...UNDER_WAY,
      { type: 'node.finished', node: 'k8s-ctrl-1', outcome: 'replaced', ms: 40_000 },
      { type: 'node.started', node: 'k8s-ctrl-2', index: 1, of: 4, from: 'v1.11.3', to: 'v1.12.4' },
    );
    assert.match(shown(events, {}, START + 15_000)[2] ?? '', /▶ k8s-ctrl-2 .* 10s of about 40s$/);
  });

  it('nodes that are out at the same time are expected back at the same time', () => {
    const planned = started(NODES.map((node) => ({ ...node, expectedMs: 60_000 })));
    const begins = ['k8s-ctrl-2', 'k8s-ctrl-3'].map((node, index): RunEvent => ({
      type: 'node.started',
      node,
      index,
      of: 4,
      to: 'v1.12.4',
    }));
    assert.match(shown(record(planned, ...begins), {}, START + 2000)[0] ?? '', /about 3m00s left/);
  });

  it('expects nothing of a node that only failed ones came before', () => {
    const failed: RunEvent = { type: 'node.finished', node: 'k8s-ctrl-1', outcome: 'put back', ms: 2000 };
    assert.ok(
      !shown(record(...UNDER_WAY, failed))
        .join('\n')
        .includes('about'),
    );
  });

  for (const columns of [20, 40, 60, 200])
    for (const rows of [4, 10, 24])
      it(`is never wider than ${columns} columns nor higher than ${rows} rows, wherever a run of 60 nodes is`, () => {
        const picture = new Picture();
        for (const [index, event] of wholeRun(60).entries()) {
          picture.add(event);
          if (index % 7 !== 0) continue;
          const lines = stripVTControlCharacters(picture.text({ columns, rows }, Date.parse(event.at))).split('\n');
          assert.ok(lines.length < rows, `${lines.length} lines at ${event.type}`);
          for (const line of lines) assert.ok(line.length <= columns, line);
        }
      });

  it('with more nodes than rows keeps the one under way in sight, and counts the others', () => {
    const events = wholeRun(60);
    const cut = events.findIndex((event) => event.type === 'node.started' && event.index === 40);
    const lines = shown(events.slice(0, cut + 4), { columns: 60 }, START + 4000);
    assert.equal(lines[1], '✓ 38 finished');
    assert.match(lines[2] ?? '', /^✓ k8s-work-36 .*replaced/);
    assert.match(lines[4] ?? '', /^▶ k8s-work-38/);
    assert.match(lines.at(-1) ?? '', /^· \d+ more to come$/);
    assert.equal(lines.length, 23);
  });

  it('never folds a node that failed', () => {
    const events = wholeRun(60).map((event) =>
      event.type === 'node.finished' && event.node === 'k8s-work-1'
        ? { ...event, outcome: 'rolled back' as const }
        : event,
    );
    const cut = events.findIndex((event) => event.type === 'node.started' && event.index === 50);
    assert.ok(shown(events.slice(0, cut + 1), { rows: 12 }).some((line) => /^✗ k8s-work-1 /.test(line)));
  });

  it('shows every node that is out at the same time with its own step, and that it was asked for', () => {
    const events = record(
      { ...(started(NODES) as Extract<RunEvent, { type: 'run.started' }>), parallel: 2 },
      { type: 'batch.started', nodes: ['k8s-ctrl-2', 'k8s-work-1'], limit: 2 },
      ...['k8s-ctrl-2', 'k8s-work-1'].flatMap((node, index): RunEvent[] => [
        { type: 'node.started', node, index, of: 4, from: 'v1.11.3', to: 'v1.12.4' },
        { type: 'phase.started', node, phase: index === 0 ? 'join' : 'create VM' },
        { type: 'progress', node, message: `gate: waiting for ${node}` },
      ]),
    );
    const lines = shown(events, {}, START + 9000);
    assert.match(lines[0] ?? '', /0\/4 nodes .*up to 2 workers at a time/);
    assert.match(lines[2] ?? '', /^▶ k8s-ctrl-2 /);
    assert.match(lines[3] ?? '', /^ {4}join .*: waiting for k8s-ctrl-2$/);
    assert.match(lines[5] ?? '', /^▶ k8s-work-1 /);
    assert.match(lines[6] ?? '', /^ {4}create VM .*: waiting for k8s-work-1$/);
    const small = shown(events, { rows: 6 }, START + 9000).join('\n');
    assert.match(small, /▶ k8s-ctrl-2[^]*▶ k8s-work-1/);
    const told = events.map(eventText).join('\n');
    assert.match(told, /4 node\(s\), up to 2 workers out at the same time, as was asked for/);
    assert.match(told, /k8s-ctrl-2, k8s-work-1: out at the same time \(up to 2 workers, as was asked for\)/);
  });

  it('a run that stops at once names every node that is out, and how each is put back', () => {
    const at = (node: string, phase: 'join' | 'drain'): RunEvent => ({ type: 'phase.started', node, phase });
    const one = record(...UNDER_WAY);
    assert.equal(
      leftBehind(one),
      "Stopped at once. k8s-ctrl-1 is at the step 'drain', which the engine may still finish. " +
        'Go on with: prox-ops roll, or, while its VM stands: prox-ops abort k8s-ctrl-1',
    );
    const begun = (node: string): RunEvent => ({ type: 'node.started', node, index: 0, of: 2, to: 'v1.12.4' });
    const two = leftBehind(record(begun('a'), at('a', 'join'), begun('b'), at('b', 'drain')));
    assert.match(two, /a is at the step 'join'.*b is at the step 'drain'.*prox-ops abort a, prox-ops abort b$/);
    const ended: RunEvent = { type: 'node.finished', node: 'a', outcome: 'replaced', ms: 1 };
    assert.match(leftBehind(record(at('a', 'join'), ended)), /^Stopped\. No node is half replaced/);
  });

  it('shows how far a run has come that is about no single node', () => {
    const built = record(
      { type: 'progress', message: 'create VmLegacy k8s-work-1-vm' },
      { type: 'progress', message: 'create VmLegacy k8s-work-2-vm' },
    );
    assert.match(shown(built).join('\n'), /2 done, last: create VmLegacy k8s-work-2-vm/);
  });

  it('marks a node that failed and keeps its message, line by line', () => {
    const message = 'expected 0 faulty\nfound 2';
    const end: RunEvent = { type: 'node.finished', node: 'k8s-ctrl-1', outcome: 'put back', ms: 2000, message };
    const lines = shown(record(...UNDER_WAY, end));
    assert.match(lines[1] ?? '', /^✗ k8s-ctrl-1 .* put back in 2\.0s$/);
    assert.deepEqual(lines.slice(-2), ['expected 0 faulty', 'found 2']);
  });

  it('a node that is rolled back is under way again', () => {
    const events = record(
      ...UNDER_WAY,
      { type: 'node.finished', node: 'k8s-ctrl-1', outcome: 'open', ms: 2000, message: 'does not come up' },
      { type: 'rollback.started', node: 'k8s-ctrl-1', from: 'v1.12.4', to: 'v1.11.3', why: 'does not come up' },
      { type: 'node.started', node: 'k8s-ctrl-1', index: 0, of: 1, from: 'v1.12.4', to: 'v1.11.3' },
    );
    assert.match(shown(events)[1] ?? '', /^▶ k8s-ctrl-1 {2}v1\.12\.4 -> v1\.11\.3/);
  });

  it('no message moves the cursor or changes colours', () => {
    const message = 'drain: \u001B[2J\u001B[31mred\r\nnext\u0007\u202E';
    const lines = new Picture();
    for (const event of record(...UNDER_WAY, { type: 'progress', node: 'k8s-ctrl-1', message })) lines.add(event);
    const text = lines.text({ columns: 100, rows: 24 }, START + 5000);
    assert.match(text, /: red next/);
    for (const hidden of ['\u001B[2J', '\u001B[31m', '\u0007', '\r', '\u202E']) assert.ok(!text.includes(hidden));
  });

  it('every event but the start of a phase has a line of its own off a terminal', () => {
    const silent = wholeRun(1).filter((event) => eventText(event) === undefined);
    assert.deepEqual([...new Set(silent.map((event) => event.type))], ['phase.started']);
    assert.equal(eventText(recorded(OPENED, START)), `roll lab by alice, run ${RUN_ID}: CVE in the kernel`);
  });

  it('writes durations as people read them', () => {
    assert.deepEqual([400, 12_000, 185_000, 3_720_000].map(duration), ['0.4s', '12s', '3m05s', '1h02m']);
  });

  describe('Flux as it comes back', () => {
    const objects = [
      { kind: 'GitRepository', name: 'flux-system/cluster', ready: true, suspended: false, message: 'stored artifact' },
      {
        kind: 'Kustomization',
        name: 'flux-system/apps',
        ready: false,
        suspended: false,
        message: "'infra' is not ready",
      },
      { kind: 'HelmRelease', name: 'flux-system/cilium', ready: false, suspended: true, message: '' },
    ];
    const flux: RunEvent = { type: 'flux', objects };

    it('is one line in a log: how many are ready, and what the others wait for', () => {
      assert.equal(
        eventText(recorded(flux, START)),
        "Flux: 1 of 3 ready, 1 suspended; Kustomization flux-system/apps: 'infra' is not ready",
      );
    });

    it('is a table in the live view, first what is waited for; on a small screen it is cut and counted', () => {
      const run = record(OPENED, started(NODES), { type: 'stage.started', stage: 'workloads' }, flux);
      const lines = shown(run, { rows: 30 });
      assert.ok(lines.some((line) => line.includes('workloads')));
      const [apps, cluster] = ['flux-system/apps', 'flux-system/cluster'].map((name) =>
        lines.findIndex((line) => line.includes(name)),
      );
      assert.ok(apps !== undefined && cluster !== undefined && apps > 0 && apps < cluster, lines.join('\n'));
      const small = shown(run, { rows: 10 });
      assert.ok(small.length < 10);
      assert.ok(small.includes('1 of 3 Flux objects ready'), small.join('\n'));
    });

    it('ends with the table and how long each step took', () => {
      const log = record(OPENED, flux, { type: 'stage.finished', stage: 'workloads', ms: 61_000 });
      const text = reportText(reportOf(log));
      assert.match(text, /Kustomization +│ flux-system\/apps +│ 'infra' is not ready/);
      assert.match(text, /workloads +│ 1m01s/);
    });
  });
});
