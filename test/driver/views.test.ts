import assert from 'node:assert/strict';
import { stripVTControlCharacters } from 'node:util';
import { reportOf, reportTable } from '../../driver/reports/table';
import type { Recorded, RunEvent } from '../../driver/runLog';
import { duration } from '../../driver/views/format';
import { Picture } from '../../driver/views/live';

const START = Date.parse('2026-11-21T12:00:00.000Z');

/** Events one second apart. */
function record(...events: RunEvent[]): Recorded[] {
  return events.map((event, index) => ({ ...event, at: new Date(START + index * 1000).toISOString() }));
}

const NODES = [
  { name: 'k8s-ctrl-1', role: 'controlplane', from: 'v1.11.3', to: 'v1.12.4' },
  { name: 'k8s-work-1', role: 'worker', from: 'v1.11.3', to: 'v1.12.4' },
];

const RUN = record(
  { type: 'run.started', runId: 'r', command: 'roll', stack: 'lab', holder: 'me@here:1', nodes: NODES },
  { type: 'node.started', node: 'k8s-ctrl-1', index: 0, of: 2, from: 'v1.11.3', to: 'v1.12.4' },
  { type: 'phase.started', node: 'k8s-ctrl-1', phase: 'drain' },
  { type: 'progress', node: 'k8s-ctrl-1', message: 'drain: 3 of 9 pods left' },
);

function text(events: Recorded[], columns = 100): string {
  const picture = new Picture();
  for (const event of events) picture.add(event);
  return stripVTControlCharacters(picture.text(columns, START + 4000));
}

describe('driver/views', () => {
  it('the live view shows every node, and the step under way with its moving detail', () => {
    const lines = text(RUN).split('\n');
    assert.match(lines[0] ?? '', /^roll lab {2}0\/2 nodes/);
    assert.match(lines[1] ?? '', /▶ k8s-ctrl-1 {2}v1\.11\.3 -> v1\.12\.4 +3\.0s {2}drain: drain: 3 of 9 pods left/);
    assert.match(lines[2] ?? '', /· k8s-work-1/);
  });

  it('cuts a line at the width of the terminal, or redrawing would leave debris', () => {
    for (const line of text(RUN, 60).split('\n')) assert.ok(line.length <= 60, line);
  });

  it('shows how far a run has come that is about no single node', () => {
    const built = record(
      { type: 'progress', node: undefined, message: 'create VmLegacy k8s-work-1-vm' },
      { type: 'progress', node: undefined, message: 'create VmLegacy k8s-work-2-vm' },
    );
    assert.match(text(built), /2 done, last: create VmLegacy k8s-work-2-vm/);
  });

  it('marks a node that failed and keeps its message', () => {
    const end = record({
      type: 'node.finished',
      node: 'k8s-ctrl-1',
      outcome: 'put back',
      ms: 2000,
      message: 'PDB web allows none',
    });
    const shown = text([...RUN, ...end]);
    assert.match(shown, /✗ k8s-ctrl-1 .* put back in 2\.0s/);
    assert.match(shown, /PDB web allows none/);
  });

  it('the report has every node, also those not started', () => {
    const end = record(
      { type: 'phase.finished', node: 'k8s-ctrl-1', phase: 'drain', ms: 1500 },
      { type: 'node.finished', node: 'k8s-ctrl-1', outcome: 'replaced', ms: 2000 },
    );
    const reports = reportOf([...RUN, ...end]);
    assert.deepEqual(
      reports.map(({ name, outcome }) => [name, outcome]),
      [
        ['k8s-ctrl-1', 'replaced'],
        ['k8s-work-1', 'not started'],
      ],
    );
    assert.match(stripVTControlCharacters(reportTable(reports)), /k8s-ctrl-1 .*1\.5s.*2\.0s.*replaced/);
  });

  it('writes durations as people read them', () => {
    assert.deepEqual([400, 12_000, 185_000, 3_720_000].map(duration), ['0.4s', '12s', '3m05s', '1h02m']);
  });
});
