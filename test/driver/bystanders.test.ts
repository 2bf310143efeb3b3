import assert from 'node:assert/strict';
import { KubernetesError, KubernetesUnreachable, type Kubernetes } from '@prox-ops/operations';
import fc from 'fast-check';
import { Bystanders, ownNodeLast, type Beside } from '../../driver/bystanders';
import { ExitCode, type CommandError } from '../../driver/exit';
import { OWN_NODE, ownNode, refuseOwnNode } from '../../driver/ownNode';
import type { PlannedNode } from '../../driver/plan';

function node(name: string, role: PlannedNode['role'], action: PlannedNode['action'] = 'replace'): PlannedNode {
  const what = { name, role, vmId: 1, from: 'v1.11.3', to: 'v1.12.4', action };
  return { ...what, needsReplacement: [], why: [], urns: [], known: true };
}

const NODES = [node('c1', 'controlplane'), node('c2', 'controlplane'), node('w1', 'worker'), node('w2', 'worker')];
const names = (nodes: PlannedNode[]) => nodes.map(({ name }) => name);

describe('driver/bystanders: the node that a run runs on', () => {
  it('comes last of its role, so that all others have finished when the run has to leave it', () => {
    assert.deepEqual(names(ownNodeLast(NODES, 'w1')), ['c1', 'c2', 'w2', 'w1']);
    assert.deepEqual(names(ownNodeLast(NODES, 'c1')), ['c2', 'c1', 'w1', 'w2']);
    assert.deepEqual(names(ownNodeLast(NODES, 'w2')), names(NODES));
  });

  it('the only one of its role stays where it is', () => {
    assert.deepEqual(names(ownNodeLast(NODES.slice(1), 'c2')), ['c2', 'w1', 'w2']);
    assert.deepEqual(names(ownNodeLast(NODES.slice(2, 3), 'w1')), ['w1']);
  });

  it('no node of ours, or one that is not in the plan: the order is the plan’s', () => {
    for (const own of [undefined, 'elsewhere']) assert.deepEqual(ownNodeLast(NODES, own), NODES);
  });

  it('another Kubernetes leaves its pods alone, and waits for nothing', () => {
    const nodes = [node('c1', 'controlplane'), node('w1', 'worker', 'kubernetes'), node('w2', 'worker')];
    assert.deepEqual(ownNodeLast(nodes, 'w1'), nodes);
  });

  it('R000-1 whatever our node is: control planes come first, and no other two change places', () => {
    const plans = fc.record({ controlPlanes: fc.nat(4), workers: fc.nat(6), own: fc.nat(12) });
    fc.assert(
      fc.property(plans, ({ controlPlanes, workers, own }) => {
        const made = (count: number, role: PlannedNode['role']) =>
          Array.from({ length: count }, (_, index) => node(`${role}-${index}`, role));
        const nodes = [...made(controlPlanes, 'controlplane'), ...made(workers, 'worker')];
        const name = nodes[own]?.name;
        const moved = ownNodeLast(nodes, name);
        const roles = moved.map(({ role }) => role);
        assert.deepEqual(roles, [...roles].sort());
        const others = (list: PlannedNode[]) => names(list).filter((other) => other !== name);
        assert.deepEqual(others(moved), others(nodes));
        assert.equal(moved.length, nodes.length);
      }),
    );
  });
});

describe('driver/bystanders: the end of a run', () => {
  /** What was asked of an API that fails, and what the run's log was told. */
  async function leaving(error: Error): Promise<{ asked: string[]; told: string[] }> {
    const asked: string[] = [];
    const told: string[] = [];
    const fails = (path: string) => {
      asked.push(path);
      return Promise.reject(error);
    };
    const kubernetes = { list: fails, get: fails, patch: fails } as unknown as Kubernetes;
    const log = { emit: ({ message }: { message: string }) => told.push(message) };
    const beside = { runId: 'run-1', log } as unknown as Beside;
    await new Bystanders(beside, kubernetes).leave(ExitCode.putBack, 'stopped');
    return { asked, told };
  }

  it('an API that is silent is not asked for the rest as well: each of these costs the client’s whole patience', async () => {
    const { asked, told } = await leaving(new KubernetesUnreachable('GET /apis: ECONNREFUSED'));
    assert.equal(asked.length, 1);
    assert.deepEqual(told, [
      'GET /apis: ECONNREFUSED. What this run holds of the cluster beside it, the next run lets go of',
    ]);
  });

  it('one that refuses one thing is asked for the others', async () => {
    const { asked, told } = await leaving(new KubernetesError(403, 'Forbidden', 'no', 'GET /apis'));
    assert.equal(asked.length, 3);
    assert.equal(told.length, 3);
  });
});

describe('driver/ownNode', () => {
  it('is what the downward API says, and none outside the cluster', () => {
    assert.deepEqual(
      [{ [OWN_NODE]: 'w1' }, { [OWN_NODE]: '' }, {}].map((environment) => ownNode(environment)),
      ['w1', undefined, undefined],
    );
  });

  it('a change of that node alone is refused, and says how to go on', () => {
    const before = process.env[OWN_NODE];
    process.env[OWN_NODE] = 'w1';
    try {
      refuseOwnNode('w2', 'reboot');
      assert.throws(
        () => refuseOwnNode('w1', 'reboot'),
        (error: CommandError) => error.exitCode === 2 && error.message.endsWith('prox-ops reboot w1'),
      );
    } finally {
      if (before === undefined) delete process.env[OWN_NODE];
      else process.env[OWN_NODE] = before;
    }
  });
});
