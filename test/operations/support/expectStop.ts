import assert from 'node:assert/strict';
import { StepError } from '../../../operations/src/index';

/** The step must stop with a StepError whose text fits all patterns. */
export async function expectStop(promise: Promise<unknown>, ...patterns: RegExp[]): Promise<StepError> {
  const error: unknown = await promise.then(
    () => assert.fail('expected the step to stop'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof StepError, String(error));
  for (const pattern of patterns) assert.match(error.message, pattern);
  return error;
}
