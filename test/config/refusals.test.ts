import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { checkStackText } from '../../driver/stackDocument';
import { problemText } from '../../driver/stackFile';
import { REPOSITORY } from '../support/stack-files';
import { REFUSALS } from './refusals';

const FIXTURES = join(REPOSITORY, 'test/fixtures');

function namesIn(folder: string): string[] {
  return readdirSync(join(FIXTURES, folder)).map((file) => basename(file, '.yaml'));
}

function problemsOf(folder: string, name: string) {
  return checkStackText(readFileSync(join(FIXTURES, folder, `${name}.yaml`), 'utf8')).problems;
}

describe('config: stack files', () => {
  for (const name of namesIn('valid'))
    it(`accepts ${name}`, () => {
      assert.deepEqual(problemsOf('valid', name), []);
    });

  for (const [name, refusal] of Object.entries(REFUSALS))
    it(`refuses ${name}, for that reason alone`, () => {
      assert.equal(problemText(problemsOf('invalid', name)), `1 problem:\n  ${refusal}`);
    });

  it('says of every file that is refused what for, and never the same', () => {
    assert.deepEqual(namesIn('invalid').sort(), Object.keys(REFUSALS).sort());
    assert.ok(Object.keys(REFUSALS).length >= 40);
    const files = namesIn('invalid').map((name) => readFileSync(join(FIXTURES, 'invalid', `${name}.yaml`), 'utf8'));
    assert.equal(new Set(files.map((text) => text.split('\n')[0])).size, files.length, 'two files with one reason');
  });
});
