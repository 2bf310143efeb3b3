import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  DEFAULT_SETTINGS,
  formBatches,
  nextBatch,
  type PreflightRequest,
  type Snapshot,
  type TurnRequest,
} from '../../../operations/src/index';
import { isDiskful } from '../../../operations/src/checks/linstorRules';
import type { Budget, SchedulableNode, SchedulablePod } from '../../../operations/src/preflight/objects';
import type { KubernetesState } from '../../../operations/src/preflight/snapshot';
import { diskful, POOL } from '../support/fakeLinstor';

const RELEASE = { talos: 'v1.13.0', kubernetes: 'v1.36.3' };
const KIB_PER_GIB = 1024 * 1024;

/** A cluster of so many control planes and workers, each worker on a host of its own, with room and at rest. */
class Cluster {
  readonly nodes: SchedulableNode[];
  readonly pods: SchedulablePod[] = [];
  readonly budgets: Budget[] = [];
  readonly resources: ReturnType<typeof diskful>[] = [];
  readonly free = new Map<string, number>();
  readonly turns: TurnRequest[];
  placeCount = 1;

  constructor(workers: number, hosts = workers) {
    const names = ['c1', 'c2', 'c3', ...Array.from({ length: workers }, (_, index) => `w${index + 1}`)];
    this.nodes = names.map(schedulable);
    for (const name of names.slice(3)) this.free.set(name, 1000 * KIB_PER_GIB);
    this.turns = names.map((name, index) => turn(name, index, (index - 3) % hosts));
  }

  replica(resource: string, node: string, gib = 1, flags: string[] = []): void {
    this.resources.push({
      ...diskful(resource, node, gib * KIB_PER_GIB, 'UpToDate'),
      ...(flags.length > 0 && { flags }),
    });
  }

  pod(app: string, node: string, spec: object = {}, more: object = {}): void {
    this.pods.push({
      metadata: {
        name: `${app}-${this.pods.length}`,
        namespace: 'default',
        labels: { app },
        ownerReferences: [{ kind: 'ReplicaSet', name: app, controller: true }],
        ...more,
      },
      spec: { nodeName: node, ...spec },
      status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
    });
  }

  budget(app: string, disruptionsAllowed: number): void {
    const metadata = { name: app, namespace: 'default' };
    this.budgets.push({ metadata, spec: { selector: { matchLabels: { app } } }, status: { disruptionsAllowed } });
  }

  snapshot(more: Partial<Snapshot> = {}, state: Partial<KubernetesState> = {}): Snapshot {
    const { nodes, pods, budgets, resources } = this;
    const none = { namespaces: [], claims: [], volumes: [], classes: [], csiNodes: [], removedKinds: {} };
    const kubernetes = { nodes, pods, budgets, ...none };
    const view = {
      nodes: [...this.free.keys()].map((name) => ({ name, type: 'SATELLITE', connection_status: 'ONLINE' })),
      resources,
      pools: [...this.free].map(([node_name, free_capacity]) => ({
        node_name,
        storage_pool_name: POOL,
        provider_kind: 'LVM',
        free_capacity,
      })),
      groups: [{ name: 'g', select_filter: { place_count: this.placeCount } }],
      definitions: resources.map(({ name }) => ({ name, resource_group_name: 'g' })),
    };
    return {
      at: 0,
      kubernetes: { value: { ...kubernetes, ...state } },
      etcd: { trouble: 'not asked' },
      proxmox: { trouble: 'not asked' },
      linstor: { value: view },
      ...more,
    };
  }

  request(more: Partial<PreflightRequest> = {}): PreflightRequest {
    const linstorController = { namespace: 'piraeus', selector: 'app=linstor' };
    return { turns: this.turns, prepare: [], settings: DEFAULT_SETTINGS, linstorController, ...more };
  }

  /** Names of those that go together, with the reason of those that go alone. */
  batches(limit: number, snapshot = this.snapshot(), apart: string[] = []): { names: string[]; alone?: string }[] {
    const found = formBatches(snapshot, this.request(), limit, apart);
    return found.map(({ turns, alone }) => {
      const names = turns.map((place) => this.turns[place]?.name ?? '');
      return { names, ...(alone !== undefined && { alone }) };
    });
  }

  /** Why w1 does not go with w2. */
  why(snapshot = this.snapshot(), apart: string[] = []): string {
    const found = this.batches(2, snapshot, apart).find(({ names }) => names.includes('w1'));
    return found?.alone ?? `with ${found?.names.join() ?? ''}`;
  }
}

function schedulable(name: string): SchedulableNode {
  const taints = name.startsWith('c') ? [{ key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' }] : [];
  return {
    metadata: { name, labels: { 'kubernetes.io/hostname': name } },
    spec: { taints },
    status: {
      conditions: [{ type: 'Ready', status: 'True' }],
      allocatable: { cpu: '4', memory: '8Gi', pods: '10' },
    },
  };
}

function turn(name: string, index: number, host: number): TurnRequest {
  return {
    name,
    role: name.startsWith('c') ? 'controlplane' : 'worker',
    vmId: 8000 + index,
    action: 'replace',
    release: RELEASE,
    template: { vmId: 9000 + host, name: `talos-${host}`, host: `pve${host}` },
    hardware: { memory: 16384, disks: [] },
    pci: [],
  };
}

describe('operations/preflight: which workers may go together', () => {
  let cluster: Cluster;

  beforeEach(() => {
    cluster = new Cluster(5);
  });

  it('control planes alone, then workers as many at a time as were asked for', () => {
    const names = cluster.batches(2).map((batch) => batch.names.join());
    assert.deepEqual(names, ['c1', 'c2', 'c3', 'w1,w2', 'w3,w4', 'w5']);
    assert.match(cluster.batches(2)[0]?.alone ?? '', /a control plane always goes alone/);
    assert.equal(cluster.batches(2).at(-1)?.alone, 'no other worker is left to go with it');
    assert.deepEqual(
      cluster.batches(3).map((batch) => batch.names.join()),
      ['c1', 'c2', 'c3', 'w1,w2,w3', 'w4,w5'],
    );
  });

  it('not two with replicas of one resource; a tie breaker holds nothing', () => {
    cluster.replica('pvc-1', 'w1');
    cluster.replica('PVC-1', 'w2');
    cluster.replica('pvc-1', 'w3', 1, ['DISKLESS', 'DRBD_DISKLESS', 'TIE_BREAKER']);
    assert.deepEqual(
      cluster.batches(2).map((batch) => batch.names.join()),
      ['c1', 'c2', 'c3', 'w1,w3', 'w2,w4', 'w5'],
    );
    const two = new Cluster(2);
    two.replica('pvc-1', 'w1');
    two.replica('pvc-1', 'w2');
    assert.match(two.why(), /not with w2: w1 and w2 both hold a replica of pvc-1/);
  });

  it('not without room for the replicas of all of them on the others', () => {
    const two = new Cluster(3);
    two.turns.splice(5);
    two.replica('pvc-1', 'w1', 60);
    two.replica('pvc-2', 'w2', 60);
    for (const name of ['w1', 'w2', 'w3']) two.free.set(name, 100 * KIB_PER_GIB);
    assert.match(two.why(), /not with w2: no room for the replicas of all of them: pvc-/);
  });

  it('not with volumes that LINSTOR does not move, and not while a satellite is not at rest', () => {
    cluster.resources.push({ ...diskful('local', 'w1', 1, 'UpToDate'), volumes: [] });
    assert.match(cluster.why(), /volumes that LINSTOR does not move: local/);
    const silent = { linstor: { trouble: 'connection refused' } };
    assert.match(new Cluster(2).why(new Cluster(2).snapshot(silent)), /LINSTOR does not answer \(connection refused\)/);
  });

  it('with the LINSTOR guard switched off nothing is known of replicas: each goes alone', () => {
    const snapshot = cluster.snapshot();
    delete snapshot.linstor;
    assert.match(cluster.why(snapshot), /the LINSTOR guard is switched off/);
  });

  it('not past a budget that could not lose the pods of both', () => {
    cluster.pod('web', 'w1');
    cluster.pod('web', 'w2');
    cluster.budget('web', 1);
    assert.equal(cluster.why(), 'with w1,w3');
    const two = new Cluster(3);
    two.turns.splice(5);
    two.pod('web', 'w1');
    two.pod('web', 'w2');
    two.budget('web', 1);
    assert.match(two.why(), /not with w2: PodDisruptionBudget default\/web allows 1 disruption\(s\), they have 2/);
    two.budgets.pop();
    two.budget('web', 2);
    assert.equal(two.why(), 'with w1,w2');
  });

  it('not two with pods of one workload that no budget guards', () => {
    const two = new Cluster(3);
    two.turns.splice(5);
    two.pod('api', 'w1');
    two.pod('api', 'w2');
    assert.match(two.why(), /both have pods of ReplicaSet default\/api, which no budget guards/);
  });

  it('not where pods would need each other’s place', () => {
    const two = new Cluster(3);
    two.turns.splice(5);
    const big = { containers: [{ name: 'a', resources: { requests: { cpu: '3' } } }] };
    two.pod('one', 'w1', big);
    two.pod('other', 'w2', big);
    assert.match(two.why(), /no room elsewhere for the pods of all of them: default\/other-1/);
  });

  it('a pod that can run nowhere else keeps its node alone, and so does one that tolerates the cordon', () => {
    cluster.pod('pinned', 'w1', { nodeSelector: { 'kubernetes.io/hostname': 'w1' } });
    assert.match(cluster.why(), /default\/pinned-0: can run nowhere else/);
    const other = new Cluster(3);
    other.pod('stubborn', 'w1', { tolerations: [{ operator: 'Exists' }] });
    assert.match(other.why(), /default\/stubborn-0: may come back to it while it is drained/);
  });

  it('not two that run parts of Ceph’s storage, whatever guards them', () => {
    const two = new Cluster(4);
    two.turns.splice(5);
    two.pod('rook-ceph-osd', 'w1');
    two.pod('rook-ceph-osd', 'w2');
    two.budget('rook-ceph-osd', 2);
    assert.match(two.why(), /w1, w2 all run parts of Ceph's storage/);
  });

  it('not two clones of one template', () => {
    assert.match(new Cluster(2, 1).why(), /w1 and w2 are clones of one template \(talos-0\)/);
  });

  it('not what is no plain replacement, not what is not in service, not the node of the run itself', () => {
    for (const action of ['finish', 'add', 'remove', 'kubernetes'] as const) {
      const other = new Cluster(2);
      Object.assign(other.turns[3] ?? {}, { action });
      assert.match(other.why(), /w1 is no plain replacement/);
    }
    const status = { conditions: [{ type: 'Ready', status: 'False' }] };
    const nodes = cluster.nodes.map((node) => (node.metadata.name === 'w1' ? { ...node, status } : node));
    assert.match(cluster.why(cluster.snapshot({}, { nodes })), /w1 is not Ready/);
    assert.match(cluster.why(cluster.snapshot(), ['w1']), /the run itself runs on it/);
    assert.match(
      cluster.why(cluster.snapshot({ kubernetes: { trouble: 'no route' } })),
      /the Kubernetes API does not answer/,
    );
  });

  it('the next batch is the first of them', () => {
    const request = cluster.request({ turns: cluster.turns.slice(3) });
    assert.deepEqual(nextBatch(cluster.snapshot(), request, 2), { turns: [0, 1] });
  });

  it('properties: every turn once, in order, never too many, no control plane beside another, nothing shared', () => {
    const clusters = fc.record({
      workers: fc.integer({ min: 0, max: 9 }),
      hosts: fc.integer({ min: 1, max: 9 }),
      replicas: fc.array(fc.tuple(fc.nat(7), fc.nat(8)), { maxLength: 30 }),
      pods: fc.array(fc.tuple(fc.constantFrom('web', 'api', 'db'), fc.nat(8)), { maxLength: 20 }),
      allowed: fc.nat(3),
      limit: fc.integer({ min: 1, max: 4 }),
    });
    fc.assert(
      fc.property(clusters, ({ workers, hosts, replicas, pods, allowed, limit }) => {
        const random = new Cluster(workers, hosts);
        const placed = new Set<string>();
        for (const [resource, node] of replicas) {
          if (node >= workers || placed.has(`${resource} ${node}`)) continue;
          placed.add(`${resource} ${node}`);
          random.replica(`pvc-${resource}`, `w${node + 1}`);
        }
        for (const [app, node] of pods) if (node < workers) random.pod(app, `w${node + 1}`);
        random.budget('web', allowed);
        const batches = formBatches(random.snapshot(), random.request(), limit);
        assert.deepEqual(batches, formBatches(random.snapshot(), random.request(), limit));
        const places = batches.flatMap(({ turns }) => turns);
        assert.deepEqual(
          [...places].sort((a, b) => a - b),
          random.turns.map((_, place) => place),
        );
        const firsts = batches.map(({ turns }) => turns[0] ?? -1);
        assert.deepEqual(
          firsts,
          [...firsts].sort((a, b) => a - b),
        );
        for (const { turns, alone } of batches) judge(random, turns, limit, alone, allowed);
      }),
      { numRuns: 300 },
    );
  });
});

function judge(cluster: Cluster, turns: number[], limit: number, alone: string | undefined, allowed: number): void {
  assert.ok(turns.length >= 1 && turns.length <= limit);
  assert.deepEqual(
    turns,
    [...turns].sort((a, b) => a - b),
  );
  assert.equal(alone !== undefined, turns.length === 1);
  if (turns.length === 1) return;
  const chosen = turns.map((place) => cluster.turns[place] as TurnRequest);
  assert.ok(chosen.every(({ role }) => role === 'worker'));
  assert.equal(new Set(chosen.map(({ template }) => template?.vmId)).size, chosen.length);
  const names = chosen.map(({ name }) => name);
  const held = cluster.resources
    .filter((one) => names.includes(one.node_name) && isDiskful(one))
    .map(({ name }) => name);
  assert.equal(new Set(held).size, held.length);
  const onThem = cluster.pods.filter(({ spec }) => names.includes(spec?.nodeName ?? ''));
  const nodesWith = (app: string) =>
    new Set(onThem.filter(({ metadata }) => metadata.labels?.['app'] === app).map(({ spec }) => spec?.nodeName));
  for (const app of ['api', 'db']) assert.ok(nodesWith(app).size < 2, `${names.join()} share ${app}`);
  const web = onThem.filter(({ metadata }) => metadata.labels?.['app'] === 'web');
  assert.ok(nodesWith('web').size < 2 || web.length <= allowed);
}
