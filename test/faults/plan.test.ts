import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { CoreV1Api, CustomObjectsApi, KubeConfig } from '@kubernetes/client-node';
import type { Finding } from '../../operations/src/index';
import { generations, release } from '../support/engine-cluster';
import { EngineLab } from '../support/engine-lab';
import { holds } from '../support/verdict';

const NODES = ['k8s-ctrl-1', 'k8s-ctrl-2', 'k8s-ctrl-3', 'k8s-work-1', 'k8s-work-2', 'k8s-work-3', 'k8s-work-4'];

interface Plan {
  version: number;
  ready: boolean;
  nodes: { order: number; name: string; expected: { ms?: number; basis: string } }[];
  blockers: Finding[];
  warnings: Finding[];
}

describe('prox-ops plan, health and status on a cluster of seven nodes', () => {
  let engine: EngineLab;

  before(async () => {
    engine = await EngineLab.start({ base: 147, nodes: NODES, rollout: { healthPasses: 1 } });
    const up = await engine.proxOps('up');
    assert.equal(up.code, 0, up.output);
    await engine.lab.armed();
    await release(engine, 'v1.12.4');
  });

  after(async () => {
    await engine.close();
  });

  async function plan(...args: string[]): Promise<{ code: number | null; plan: Plan; output: string }> {
    const { code, stdout, output } = await engine.proxOps('plan', '--json', ...args);
    assert.ok(stdout.startsWith('{'), output);
    return { code, plan: JSON.parse(stdout) as Plan, output };
  }

  /** Everything in the cluster that a write of ours could have changed. */
  async function world(): Promise<unknown> {
    const config = new KubeConfig();
    config.loadFromString(await engine.lab.parts.kubernetes.adminKubeconfig());
    const api = config.makeApiClient(CoreV1Api);
    const [nodes, pods] = await Promise.all([api.listNode(), api.listPodForAllNamespaces()]);
    return {
      writes: engine.lab.parts.world.events.all().filter(({ type }) => type === 'api.write').length,
      vms: generations(engine),
      nodes: nodes.items.map(({ metadata, spec }) => [metadata?.uid, metadata?.annotations, metadata?.labels, spec]),
      pods: pods.items.map(({ metadata }) => [metadata?.uid, metadata?.deletionTimestamp]).sort(),
      state: (await engine.pulumi(['stack', 'export'])).stdout,
      stackFile: readFileSync(engine.stackFile, 'utf8'),
    };
  }

  it('a plan names every node in order and what it will meet, exits 0, and writes nothing anywhere', async () => {
    const before = await world();
    const { code, plan: found, output } = await plan();
    assert.deepEqual(await world(), before);
    assert.equal(code, 0, output);
    assert.deepEqual([found.version, found.ready, found.blockers], [1, true, []]);
    assert.deepEqual(
      found.nodes.map(({ order, name }) => [order, name]),
      NODES.map((name, index) => [index + 1, name]),
    );
    assert.match(found.nodes[3]?.expected.basis ?? '', /^no history yet: \d+ replica/);
    // A GPU's workload can run nowhere else, and the debugging pod has nobody who makes it again.
    const pinned = found.warnings.find(({ node, topic }) => node === 'k8s-work-4' && topic === 'scheduling');
    assert.match(pinned?.object ?? '', /ai\/inference-k8s-work-4/);
    assert.ok(
      found.warnings.some(({ object, found: text }) => object === 'unmanaged pods' && /shop\/debug/.test(text)),
    );
    await holds(engine);
  });

  it('blockers exit 2 with what to do, and a roll prints the same and touches nothing', async () => {
    engine.lab.faults.set('evacuation-no-capacity');
    const before = generations(engine);
    const { code, plan: found, output } = await plan('--nodes', 'k8s-work-1');
    const roll = await engine.proxOps('roll', '--yes', '--nodes', 'k8s-work-1');
    engine.lab.faults.clear('evacuation-no-capacity');
    assert.equal(code, 2, output);
    assert.ok(
      found.blockers.length > 0 &&
        found.blockers.every(({ topic, node }) => topic === 'storage' && node === 'k8s-work-1'),
    );
    assert.equal(roll.code, 2, roll.output);
    for (const { object, remedy } of found.blockers)
      assert.ok(roll.output.includes(object) && roll.output.includes(remedy));
    assert.doesNotMatch(roll.output, /k8s-work-1 \(1\/1\)|prepare:/);
    assert.deepEqual(generations(engine), before);
    await holds(engine);
  });

  it('silence is a blocker: LINSTOR, etcd', async () => {
    engine.lab.faults.set('linstor-unreachable');
    engine.lab.faults.set('talos-unreachable', 'k8s-ctrl-2');
    const { code, plan: found } = await plan('--nodes', 'k8s-work-1');
    engine.lab.faults.clear();
    assert.equal(code, 2);
    const told = found.blockers.map(({ topic, object }) => `${topic} ${object}`);
    assert.ok(told.includes("reachability LINSTOR's controller"), told.join(', '));
    assert.ok(told.includes('etcd etcd'), told.join(', '));
  });

  /** Somebody's Kustomization that does not work, and a status of the Ceph that the lab has. */
  async function objects(): Promise<{ brokenFlux: () => Promise<void>; ceph: (health: string) => Promise<void> }> {
    const config = new KubeConfig();
    config.loadFromString(await engine.lab.parts.kubernetes.adminKubeconfig());
    const api = config.makeApiClient(CustomObjectsApi);
    const flux = {
      group: 'kustomize.toolkit.fluxcd.io',
      version: 'v1',
      namespace: 'default',
      plural: 'kustomizations',
    };
    const conditions = [{ type: 'Ready', status: 'False', reason: 'BuildFailed', message: 'no such path' }];
    return {
      brokenFlux: async () => {
        const spec = { interval: '1h', prune: false, sourceRef: { kind: 'GitRepository', name: 'none' } };
        const body = {
          apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
          kind: 'Kustomization',
          metadata: { name: 'x' },
          spec,
        };
        const made = (await api.createNamespacedCustomObject({ ...flux, body })) as object;
        await api.replaceNamespacedCustomObjectStatus({
          ...flux,
          name: 'x',
          body: { ...made, status: { conditions } },
        });
      },
      ceph: async (health) => {
        const kind = { group: 'ceph.rook.io', version: 'v1', plural: 'cephclusters' };
        const { items } = (await api.listCustomObjectForAllNamespaces(kind)) as {
          items: { metadata: { name: string; namespace: string } }[];
        };
        for (const { metadata, ...rest } of items) {
          const body = { ...rest, metadata, status: { ceph: { health } } };
          await api.replaceNamespacedCustomObjectStatus({ ...kind, ...metadata, body });
        }
      },
    };
  }

  it('what was broken before is told and not held against a node; Ceph that is not well stops everything', async () => {
    const { brokenFlux, ceph } = await objects();
    await ceph('HEALTH_WARN');
    const sick = await plan('--nodes', 'k8s-work-2');
    await ceph('HEALTH_OK');
    assert.equal(sick.code, 2, sick.output);
    assert.deepEqual(
      sick.plan.blockers.map(({ topic, object }) => [topic, object]),
      [['health', 'ceph']],
    );
    await brokenFlux();
    const { code, plan: found, output } = await plan('--nodes', 'k8s-work-2');
    assert.equal(code, 0, output);
    const told = found.warnings.find(({ topic }) => topic === 'health');
    assert.match(told?.found ?? '', /Kustomization default\/x: no such path/);
    const roll = await engine.proxOps('roll', '--yes', '--nodes', 'k8s-work-2');
    assert.equal(roll.code, 0, roll.output);
    assert.match(
      roll.output,
      /7\/7 checks passed \(broken before, and still: flux: Kustomization default\/x: no such path\)/,
    );
    const health = await engine.proxOps('health');
    assert.equal(health.code, 2, health.output);
    await holds(engine);
  });

  it('after a roll the expected time rests on it; status names the nodes that are still stale', async () => {
    const roll = await engine.proxOps('roll', '--yes', '--nodes', 'k8s-work-1');
    assert.equal(roll.code, 0, roll.output);
    const { plan: found } = await plan();
    const worker = found.nodes.find(({ name }) => name === 'k8s-work-3');
    assert.match(worker?.expected.basis ?? '', /^median of 2 worker turn\(s\) in 2 run\(s\)/);
    assert.ok((worker?.expected.ms ?? 0) > 0);
    const status = await engine.proxOps('status');
    assert.match(status.stdout, /Stale: k8s-ctrl-1, k8s-ctrl-2, k8s-ctrl-3, k8s-work-3, k8s-work-4\./);
    const health = await engine.proxOps('health');
    assert.match(health.stdout, /6\/7 checks passed; flux: Kustomization default\/x/);
  });
});
