import assert from 'node:assert/strict';
import type { EngineLab } from './engine-lab';

/** Asserts that the safety monitor watched everything and saw no invariant violated. */
export async function holds(engine: EngineLab): Promise<void> {
  const judgement = await engine.lab.monitor.judgement();
  const violated = judgement.invariants.flatMap(({ invariant, violations }) =>
    violations.map(({ what, evidence }) => ({ invariant, what, evidence })),
  );
  assert.deepEqual(violated, []);
  assert.ok(judgement.armed !== null, 'the monitor was not armed');
}
