import assert from 'node:assert/strict';
import { timing } from '../../../lab/kubernetes/timing.js';
import { workloadManifests, workloadVolumes, type WorkloadNode } from '../../../lab/kubernetes/workloads/index.js';
import { FASTEST, REALISTIC } from '../../../lab/world/durations.js';

const workers = (count: number, gpus = 0): WorkloadNode[] =>
  Array.from({ length: count }, (_, index) => ({ name: `w${index}`, role: 'worker', gpus: index < gpus ? 1 : 0 }));
const replicas = (nodes: WorkloadNode[], name: string): unknown =>
  (
    workloadManifests(nodes).find(({ kind, metadata }) => kind !== 'Service' && metadata.name === name)?.['spec'] as {
      replicas?: number;
    }
  )?.replicas;

describe('lab/kubernetes: workloads', () => {
  it('have the sizes of a production cluster on twelve workers', () => {
    const nodes = workers(12, 2);
    assert.deepEqual(
      ['web', 'api', 'db', 'coredns'].map((name) => replicas(nodes, name)),
      [6, 3, 3, 2],
    );
    assert.equal(workloadManifests(nodes).filter(({ metadata }) => metadata.name.startsWith('inference-')).length, 2);
  });

  it('fit on one worker, with budgets that still allow a drain', () => {
    const nodes = workers(1);
    assert.deepEqual(
      ['web', 'api', 'db'].map((name) => replicas(nodes, name)),
      [2, 1, 1],
    );
    const budget = workloadManifests(nodes).find(
      ({ kind, metadata }) => kind === 'PodDisruptionBudget' && metadata.name === 'db',
    );
    assert.equal((budget?.['spec'] as { maxUnavailable?: number }).maxUnavailable, 1);
  });

  it('have no GPU workloads without a GPU node', () => {
    assert.ok(!workloadManifests(workers(3)).some(({ metadata }) => metadata.namespace === 'ai'));
  });

  it('have the same volume names in every lab, as LINSTOR resources are made for them', () => {
    const names = (): string[] => workloadVolumes({ workers: 12, gpuNodes: [] }).map(({ name }) => name);
    assert.deepEqual(names(), names());
    assert.equal(new Set(names()).size, 4);
    for (const name of names())
      assert.match(name, /^pvc-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it('name each object once', () => {
    const names = workloadManifests(workers(12, 2)).map(
      ({ kind, metadata }) => `${kind} ${metadata.namespace ?? ''}/${metadata.name}`,
    );
    assert.equal(new Set(names).size, names.length);
  });
});

describe('lab/kubernetes: how long a silent node is waited for', () => {
  it("is Kubernetes' own default at real speed", () => {
    assert.deepEqual(timing(REALISTIC), { heartbeat: 10_000, monitorPeriod: 5_000, grace: 50_000, toleration: 300 });
  });

  it('is several heartbeats however fast the world runs', () => {
    const { heartbeat, grace } = timing(FASTEST);
    assert.ok(grace >= 3 * heartbeat);
  });
});
