import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FAULTS } from '../../../lab/world/faults';

const TESTS = join(__dirname, '../..');

/** Text of every test that runs the real engine. */
function engineTests(): string {
  return ['engine', 'faults']
    .flatMap((folder) => readdirSync(join(TESTS, folder)).map((file) => join(TESTS, folder, file)))
    .map((file) => readFileSync(file, 'utf8'))
    .join('\n');
}

describe('the faults of the lab', () => {
  it('are each met by the real engine in some test', () => {
    const text = engineTests();
    const untested = Object.keys(FAULTS).filter((name) => !text.includes(`'${name}'`));
    assert.deepEqual(untested, []);
  });
});
