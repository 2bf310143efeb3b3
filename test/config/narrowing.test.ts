import assert from 'node:assert/strict';
import { narrowToTargets, type ProcessReader } from '../../config/narrowing';
import { planCluster } from '../../config/plan';
import { production } from '../support/stack-files';

const plan = planCluster(production());

/** Process 10 is the language host, 11 the engine, 12 the driver. */
function processes(engine: string[]): ProcessReader {
  const known: Record<number, { arguments: string[]; parent: number }> = {
    10: { arguments: ['/usr/bin/node', 'language-host.js'], parent: 11 },
    11: { arguments: engine, parent: 12 },
    12: { arguments: ['node', 'prox-ops.js', 'roll', '--target'], parent: 1 },
  };
  return (pid) => known[pid];
}

function narrowed(text: string | undefined, engine: string[]): string[] {
  return narrowToTargets(plan, text, 10, processes(engine)).nodes.map((node) => node.name);
}

describe('config/narrowing', () => {
  const targeted = ['/opt/pulumi', 'up', '--yes', '--target', 'urn:x'];
  const everything = plan.nodes.map((node) => node.name);

  it('describes the targeted node and the control plane that the bootstrap hangs on', () => {
    assert.deepEqual(narrowed('k8s-work-4', targeted), ['k8s-ctrl-1', 'k8s-work-4']);
  });

  it('keeps the templates of those nodes only', () => {
    const templates = narrowToTargets(plan, 'k8s-work-4', 10, processes(targeted)).templates;
    assert.deepEqual(
      templates.map((template) => template.key),
      ['a-baldar-standard', 'a-thor-gpu'],
    );
  });

  it('keeps all control planes as endpoints', () => {
    assert.equal(narrowToTargets(plan, 'k8s-work-4', 10, processes(targeted)).controlPlanes.length, 3);
  });

  it('describes everything without targets, or the engine would delete the other nodes', () => {
    assert.deepEqual(narrowed('k8s-work-4', ['pulumi', 'up', '--yes']), everything);
  });

  it('describes everything when no engine can be seen above', () => {
    assert.deepEqual(narrowed('k8s-work-4', ['some-wrapper', '--target', 'urn:x']), everything);
    assert.deepEqual(
      narrowToTargets(plan, 'k8s-work-4', 10, () => undefined).nodes.map((node) => node.name),
      everything,
    );
  });

  it('describes everything for the node that all others come after, or the engine would delete those', () => {
    assert.deepEqual(narrowed('k8s-ctrl-1', targeted), everything);
  });

  it('describes everything when nothing is asked for', () => {
    assert.deepEqual(narrowed(undefined, targeted), everything);
    assert.deepEqual(narrowed('', targeted), everything);
  });
});
