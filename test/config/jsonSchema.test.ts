import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Ajv from 'ajv';
import { parse } from 'yaml';
import { stackFileSchema } from '../../config/jsonSchema';
import { REPOSITORY } from '../support/stack-files';
import { REFUSALS } from './refusals';

/** Files that are wrong in a value by itself; of the others, only the rules across fields know. */
const WRONG_SHAPE = [
  'endpoint-without-tls',
  'label-not-quoted',
  'mac-of-a-group',
  'missing-key',
  'missing-section',
  'no-namespace',
  'node-name-not-dns',
  'number-too-small',
  'probe-image-without-tag',
  'runner-alone',
  'runner-image-unpinned',
  'suspend-flux-name',
  'token-in-plain-text',
  'webhook-in-plain-text',
  'two-pod-subnets',
  'unknown-key',
  'unknown-key-of-host',
  'unknown-key-of-node',
  'unknown-key-of-override',
  'unknown-section',
  'unknown-top-key',
  'version-not-pinned',
  'wrong-type-list',
  'wrong-type-mapping',
  'wrong-type-number',
  'wrong-word',
];

/** These are refused before there is a value that a schema could judge. */
const NOT_YAML = ['duplicate-key', 'not-yaml'];

describe('config/jsonSchema', () => {
  const committed = readFileSync(join(REPOSITORY, 'schemas/stack.schema.json'), 'utf8');
  const accepts = new Ajv().compile(JSON.parse(committed) as object);
  const read = (...path: string[]) => parse(readFileSync(join(REPOSITORY, ...path), 'utf8')) as unknown;

  it('is committed as it is made: npm run schema', () => {
    assert.deepEqual(JSON.parse(committed), stackFileSchema());
  });

  for (const stack of ['Pulumi.prod.yaml', 'Pulumi.lab.yaml'])
    it(`accepts ${stack}`, () => {
      assert.equal(accepts(read(stack)), true, JSON.stringify(accepts.errors));
    });

  it('accepts every valid file', () => {
    for (const file of readdirSync(join(REPOSITORY, 'test/fixtures/valid')))
      assert.equal(accepts(read('test/fixtures/valid', file)), true, `${file}: ${JSON.stringify(accepts.errors)}`);
  });

  it('refuses what is wrong by itself, and leaves the rest to the rules', () => {
    const judged = Object.keys(REFUSALS).filter((name) => !NOT_YAML.includes(name));
    const refused = judged.filter((name) => !accepts(read('test/fixtures/invalid', `${name}.yaml`)));
    assert.deepEqual(refused.sort(), [...WRONG_SHAPE].sort());
  });

  it('describes every key, for the editor', () => {
    assert.deepEqual(undescribed(stackFileSchema(), ''), []);
  });

  it('is named by Pulumi.prod.yaml', () => {
    const [first] = readFileSync(join(REPOSITORY, 'Pulumi.prod.yaml'), 'utf8').split('\n');
    assert.equal(first, '# yaml-language-server: $schema=schemas/stack.schema.json');
  });
});

/** Paths of properties without a description. */
function undescribed(schema: unknown, path: string): string[] {
  if (schema === null || typeof schema !== 'object') return [];
  const { properties, items, additionalProperties } = schema as Record<string, object | undefined>;
  const inside = Object.entries(properties ?? {}).flatMap(([key, value]: [string, { description?: string }]) => {
    const at = `${path}/${key}`;
    return [...(value.description === undefined ? [at] : []), ...undescribed(value, at)];
  });
  return [...inside, ...undescribed(items, `${path}/*`), ...undescribed(additionalProperties, `${path}/*`)];
}
