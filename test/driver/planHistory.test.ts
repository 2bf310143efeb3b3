import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expectationOf, readHistory } from '../../driver/history';

const MIB = 2 ** 20;

/** A run log of one worker's turn. */
function log(run: string, stack: string, evacuate: number, outcome = 'replaced'): string {
  const nodes = [{ name: 'w1', role: 'worker', from: 'v1', to: 'v2' }];
  const events = [
    { type: 'preflight', blockers: [], warnings: [], replicas: { w1: { count: 2, bytes: 100 * MIB } } },
    { type: 'run.started', runId: run, command: 'roll', stack, holder: 'a@b:1', nodes },
    { type: 'node.started', node: 'w1', index: 0, of: 1, from: 'v1', to: 'v2' },
    { type: 'phase.finished', node: 'w1', phase: 'drain', ms: 20_000 },
    { type: 'phase.finished', node: 'w1', phase: 'evacuate', ms: evacuate },
    { type: 'node.finished', node: 'w1', outcome, ms: 20_000 + evacuate },
  ];
  const lines = events.map((event) => JSON.stringify({ v: 1, run, at: '2026-11-21T10:00:00.000Z', ...event }));
  // As a run leaves it that was killed while it wrote.
  return `${lines.join('\n')}\n{"type":"node.sta`;
}

describe('driver/history: how long a turn may take', () => {
  let project: string;

  beforeEach(() => {
    project = mkdtempSync(join(tmpdir(), 'prox-ops-history-'));
    mkdirSync(join(project, '.prox-ops', 'runs'), { recursive: true });
  });

  afterEach(() => {
    rmSync(project, { recursive: true });
  });

  const write = (name: string, text: string) => {
    writeFileSync(join(project, '.prox-ops', 'runs', `${name}.jsonl`), text);
  };

  it('without a run there is no number, and it says what there is to move', async () => {
    const history = await readHistory(project, 'prod');
    assert.deepEqual(expectationOf('worker', { count: 3, bytes: 2 ** 31 }, history), {
      basis: 'no history yet: 3 replica(s), 2.0 GiB to move',
    });
    assert.deepEqual(expectationOf('worker', undefined, history), { basis: 'no history yet' });
  });

  it('bytes to move at the rate measured, the other phases by their median; of this stack and role alone', async () => {
    write('20260101T000000-a', log('a', 'prod', 10_000));
    write('20260102T000000-b', log('b', 'prod', 30_000));
    write('20260103T000000-c', log('c', 'other', 1));
    write('20260104T000000-d', log('d', 'prod', 1, 'put back'));
    const history = await readHistory(project, 'prod');
    // 200 MiB in 40 s: 5 MiB a second.
    const expected = expectationOf('worker', { count: 1, bytes: 50 * MIB }, history);
    assert.equal(expected.ms, 20_000 + 10_000);
    assert.equal(
      expected.basis,
      'median of 2 worker turn(s) in 2 run(s); 1 replica(s), 50 MiB to move at the 5.0 MiB/s measured',
    );
    assert.equal(expectationOf('worker', undefined, history).ms, 20_000 + 20_000);
    assert.match(expectationOf('controlplane', undefined, history).basis, /^no history yet/);
  });

  it('a turn in place is measured by turns in place, a replacement by replacements', async () => {
    write('20260101T000000-a', log('a', 'prod', 10_000));
    write('20260102T000000-b', log('b', 'prod', 2_000, 'upgraded'));
    const history = await readHistory(project, 'prod');
    const inPlace = expectationOf('worker', undefined, history, 'upgraded');
    assert.deepEqual(inPlace, { ms: 22_000, basis: 'median of 1 worker turn(s) in place in 1 run(s)' });
    assert.equal(expectationOf('worker', undefined, history).ms, 30_000);
  });
});
