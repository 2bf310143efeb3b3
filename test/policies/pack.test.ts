import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { POLICIES, policiesFor, TOPICS } from '../../policies/pack';
import { judge } from '../support/policies';
import { cluster, configureStack, withProps } from '../support/policy-cluster';
import { REPOSITORY } from '../support/stack-files';

describe('policies/pack', () => {
  it('every policy of every topic has its own tests', () => {
    for (const [topic, policies] of Object.entries(TOPICS)) {
      const file = join(__dirname, `${topic}.test.ts`);
      assert.ok(existsSync(file), `expected ${file}`);
      const text = readFileSync(file, 'utf8');
      for (const name of Object.keys(policies))
        assert.match(text, new RegExp(`testPolicy\\(\\s*${name}\\b|\\b${name}\\b`));
    }
  });

  it('names are unique, in kebab case', () => {
    const names = POLICIES.map(({ name }) => name);
    assert.equal(new Set(names).size, names.length);
    for (const name of names) assert.match(name, /^[a-z]+(-[a-z]+)+$/);
  });

  it('the production cluster passes all of them', async () => {
    configureStack();
    const { violations, unjudged } = await judge(POLICIES, cluster());
    assert.deepEqual([violations, unjudged], [[], []]);
  });

  it('a targeted update, which describes a part of the stack, is judged resource by resource alone', async () => {
    configureStack();
    const part = cluster().filter(({ urn, parent }) => /k8s-ctrl-[12]|k8s-work-1\b/.test(`${urn} ${parent ?? ''}`));
    const whole = await judge(policiesFor(false), part);
    assert.ok(whole.violations.some(({ policy }) => policy === 'odd-control-planes'));
    const targeted = await judge(policiesFor(true), part);
    assert.deepEqual(targeted.violations, []);
    const bad = part.map((resource) =>
      resource.name === 'k8s-work-1-vm' ? { ...resource, deleteBeforeReplace: false } : resource,
    );
    assert.deepEqual(
      (await judge(policiesFor(true), bad)).violations.map(({ policy }) => policy),
      ['node-delete-before-replace'],
    );
  });

  it('a targeted update does not judge what is new and no target: the engine gives it no inputs', async () => {
    configureStack();
    const stranger = cluster().map((resource) =>
      resource.name === 'k8s-work-1-vm' ? { ...resource, props: {} } : resource,
    );
    assert.deepEqual((await judge(policiesFor(true), stranger)).violations, []);
    assert.notDeepEqual((await judge(policiesFor(false), stranger)).violations, []);
  });

  it('templates are made beside a node whose new VM stands and whose old gate is what the state has of it', async () => {
    configureStack();
    const schematic = 'a'.repeat(64);
    const old = { talos: 'v1.12.4', kubernetes: 'v1.34.1', schematic };
    const open = withProps(cluster(), 'k8s-work-1-HealthGate', { release: old });
    const blocked = await judge(policiesFor(true), open);
    assert.ok(blocked.violations.some(({ policy }) => policy === 'node-versions-agree'));
    assert.deepEqual((await judge(policiesFor(true, true), open)).violations, []);
  });

  it('config.json configures policies that there are', () => {
    const config = JSON.parse(readFileSync(join(REPOSITORY, 'policies/config.json'), 'utf8')) as object;
    const known = [...POLICIES.map(({ name }) => name), 'no-downgrade'];
    for (const name of Object.keys(config)) assert.ok(known.includes(name), name);
  });
});
