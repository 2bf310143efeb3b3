import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Connection } from '../../../lab/kubernetes/connection';
import type { SchedulableNode, SchedulablePod } from '../../../operations/src/preflight/objects';
import { whyNot } from '../../../operations/src/preflight/scheduler/fit';
import { Scene, type SceneObjects } from '../../../operations/src/preflight/scheduler/scene';
import { findBinaries, plan, Stage, until } from '../../lab/kubernetes/support';
import { NAMESPACES, worlds, ZONES, type GeneratedPod, type GeneratedWorld } from './schedulerWorlds';

const NODES = '/api/v1/nodes';
const PODS = '/api/v1/pods';
const SIZE = 5;
/** The same worlds in every run; another seed finds others. */
const SEED = Number(process.env.SCHEDULER_SEED ?? 20261121);
const WORLDS = Number(process.env.SCHEDULER_WORLDS ?? 3);
/** Only node i has this resource: a probe that asks for it can go nowhere else, and no other rule looks at it. */
const only = (index: number): string => `probe.example.com/node-${index}`;

/**
 * The preflight's rules against kube-scheduler itself: generated nodes and pods are given to both, node by node.
 */
describe('operations/preflight: our scheduling rules and the real kube-scheduler agree', () => {
  let stage: Stage;
  let api: Connection;
  let probes: Probes;

  before(async () => {
    // Nothing reports for generated nodes: the grace outlasts the test.
    const timing = { heartbeat: 60_000, monitorPeriod: 500, grace: 3_600_000, toleration: 300 };
    stage = new Stage(150, await findBinaries(), { timing });
    api = await stage.start(plan(stage.network, 1, 0));
    probes = await Probes.start(api);
    await createNamespaces(api);
  });

  after(async () => {
    await stage.close();
  });

  for (const [index, world] of fc.sample(worlds(SIZE), { seed: SEED, numRuns: WORLDS }).entries()) {
    it(`world ${index + 1}: ${world.incoming.length} pods on ${SIZE} nodes with ${world.running.length} pods`, async () => {
      await build(api, probes, world, index);
      const scene = new Scene(await read(api));
      const verdicts = { fits: 0, not: 0 };
      for (const pod of world.incoming) {
        for (let node = 0; node < SIZE; node++) {
          const probe = await probes.place(pod, node);
          const found = scene.node(`gen-${node}`)!;
          const why = whyNot(probe.created, found, scene);
          const told = JSON.stringify({ pod: probe.created.spec, labels: pod.labels, node: found }, null, 1);
          assert.equal(
            why === undefined,
            probe.scheduled,
            `we say ${why ?? 'it fits'}, the scheduler ${probe.message}\n${told}`,
          );
          verdicts[why === undefined ? 'fits' : 'not'] += 1;
        }
      }
      // A world where nothing fits, or everything does, compares nothing.
      assert.ok(verdicts.fits >= 3 && verdicts.not >= 10, JSON.stringify(verdicts));
      await clear(api, world);
    });
  }
});

interface Placed {
  created: SchedulablePod;
  scheduled: boolean;
  message: string;
}

/** Gives one pod after the other to the scheduler and waits for its verdict. */
class Probes {
  private count = 0;
  private readonly waiting = new Map<string, (pod: SchedulablePod) => void>();

  private constructor(private readonly api: Connection) {}

  static async start(api: Connection): Promise<Probes> {
    const probes = new Probes(api);
    await api.follow(PODS, { changed: (pod) => probes.see(pod) });
    return probes;
  }

  async place(pod: GeneratedPod, node: number): Promise<Placed> {
    const spec = structuredClone(pod.spec) as { containers: { resources: Record<string, Record<string, string>> }[] };
    for (const kind of ['requests', 'limits']) spec.containers[0]!.resources[kind]![only(node)] = '1';
    const placed = await this.verdict({ ...pod, spec: spec });
    await this.remove(placed.created);
    return placed;
  }

  /** The scheduler's caches follow in order: once it places a pod by the last write, it has seen those before it. */
  async synchronised(world: number): Promise<void> {
    const resource = `sync.example.com/world-${world}`;
    const status = { capacity: { [resource]: '1' }, allocatable: { [resource]: '1' } };
    await this.api.patch(`${NODES}/gen-sync/status`, 'merge', { status });
    const resources = { requests: { [resource]: '1' }, limits: { [resource]: '1' } };
    const spec = { containers: [{ name: 'main', image: 'example/none', resources }] };
    const placed = await this.verdict({ namespace: NAMESPACES[0]!, labels: {}, spec }, true);
    await this.remove(placed.created);
  }

  private async verdict({ namespace, labels, spec }: GeneratedPod, untilPlaced = false): Promise<Placed> {
    const name = `probe-${(this.count += 1)}`;
    const judged = new Promise<SchedulablePod>((resolve) => {
      this.waiting.set(`${namespace}/${name}`, (pod) => {
        const condition = scheduledCondition(pod);
        if (condition && (!untilPlaced || condition.status === 'True')) resolve(pod);
      });
    });
    const created = await this.api.create<SchedulablePod>(`/api/v1/namespaces/${namespace}/pods`, {
      metadata: { name, labels },
      spec: { ...spec, automountServiceAccountToken: false },
    });
    const condition = scheduledCondition(await judged);
    this.waiting.delete(`${namespace}/${name}`);
    return { created, scheduled: condition?.status === 'True', message: condition?.message ?? 'places it' };
  }

  private see(found: object): void {
    const pod = found as SchedulablePod;
    this.waiting.get(`${pod.metadata.namespace}/${pod.metadata.name}`)?.(pod);
  }

  private async remove({ metadata }: SchedulablePod): Promise<void> {
    await this.api.delete(`/api/v1/namespaces/${metadata.namespace}/pods/${metadata.name}`, { gracePeriodSeconds: 0 });
  }
}

function scheduledCondition({ status }: SchedulablePod) {
  return status?.conditions?.find(({ type }) => type === 'PodScheduled');
}

async function createNamespaces(api: Connection): Promise<void> {
  for (const name of NAMESPACES) {
    await api.create('/api/v1/namespaces', { metadata: { name, labels: { colour: name } } });
    for (const zone of ZONES) await createVolume(api, name, zone);
  }
  type Named = { metadata: { namespace: string; name: string } };
  await until<Named>(api, '/api/v1/serviceaccounts', (all) =>
    NAMESPACES.every((name) => all.some(({ metadata }) => metadata.namespace === name && metadata.name === 'default')),
  );
  type Claim = Named & { status?: { phase?: string } };
  await until<Claim>(api, '/api/v1/persistentvolumeclaims', (all) =>
    all.every(({ status }) => status?.phase === 'Bound'),
  );
}

/** A bound volume that nodes of one zone can reach. */
async function createVolume(api: Connection, namespace: string, zone: string): Promise<void> {
  const claim = `claim-${zone}`;
  const common = { accessModes: ['ReadWriteMany'], storageClassName: '' };
  const key = 'topology.kubernetes.io/zone';
  await api.create('/api/v1/persistentvolumes', {
    metadata: { name: `${namespace}-${zone}` },
    spec: {
      ...common,
      capacity: { storage: '1Gi' },
      csi: { driver: 'example.com', volumeHandle: `${namespace}-${zone}` },
      claimRef: { namespace, name: claim },
      nodeAffinity: {
        required: { nodeSelectorTerms: [{ matchExpressions: [{ key, operator: 'In', values: [zone] }] }] },
      },
    },
  });
  await api.create(`/api/v1/namespaces/${namespace}/persistentvolumeclaims`, {
    metadata: { name: claim },
    spec: { ...common, volumeName: `${namespace}-${zone}`, resources: { requests: { storage: '1Gi' } } },
  });
}

async function build(api: Connection, probes: Probes, world: GeneratedWorld, index: number): Promise<void> {
  for (const [position, { labels, taints, unschedulable, allocatable }] of world.nodes.entries()) {
    const name = `gen-${position}`;
    const own = { 'kubernetes.io/hostname': name };
    await createNode(
      api,
      name,
      { labels: { ...own, ...labels }, taints, unschedulable },
      { ...allocatable, [only(position)]: '1000' },
    );
  }
  await createNode(
    api,
    'gen-sync',
    { labels: {}, taints: [], unschedulable: false },
    { cpu: '1', memory: '1Gi', pods: '10' },
  );
  // Admission taints a new node as not ready; the node lifecycle controller takes that back, and taints cordoned ones.
  const expected = new Map(world.nodes.map((node, position) => [`gen-${position}`, keysOf(node)]));
  await until<SchedulableNode>(api, NODES, (all) =>
    all
      .filter(({ metadata }) => metadata.name.startsWith('gen-'))
      .every(({ metadata, spec }) => {
        const keys = (spec?.taints ?? []).map(({ key }) => key).sort();
        return JSON.stringify(keys) === JSON.stringify(expected.get(metadata.name) ?? []);
      }),
  );
  for (const [position, { pod, on }] of world.running.entries()) {
    await api.create(`/api/v1/namespaces/${pod.namespace}/pods`, {
      metadata: { name: `running-${index}-${position}`, labels: pod.labels },
      spec: { ...pod.spec, nodeName: `gen-${on}`, automountServiceAccountToken: false },
    });
  }
  await probes.synchronised(index);
}

function keysOf({ taints, unschedulable }: GeneratedWorld['nodes'][number]): string[] {
  const given = (taints as { key: string }[]).map(({ key }) => key);
  return [...given, ...(unschedulable ? ['node.kubernetes.io/unschedulable'] : [])].sort();
}

async function createNode(
  api: Connection,
  name: string,
  { labels, taints, unschedulable }: { labels: object; taints: object[]; unschedulable: boolean },
  allocatable: Record<string, string>,
): Promise<void> {
  await api.create(NODES, { metadata: { name, labels }, spec: { taints, unschedulable } });
  const now = new Date().toISOString();
  const ready = {
    type: 'Ready',
    status: 'True',
    reason: 'KubeletReady',
    lastHeartbeatTime: now,
    lastTransitionTime: now,
  };
  await api.patch(`${NODES}/${name}/status`, 'merge', {
    status: { capacity: allocatable, allocatable, conditions: [ready] },
  });
}

async function read(api: Connection): Promise<SceneObjects> {
  const list = async <T>(path: string): Promise<T[]> => (await api.get<{ items: T[] }>(path)).items;
  return {
    nodes: await list(NODES),
    pods: await list(PODS),
    namespaces: await list('/api/v1/namespaces'),
    claims: await list('/api/v1/persistentvolumeclaims'),
    volumes: await list('/api/v1/persistentvolumes'),
    classes: await list('/apis/storage.k8s.io/v1/storageclasses'),
    csiNodes: await list('/apis/storage.k8s.io/v1/csinodes'),
  };
}

async function clear(api: Connection, world: GeneratedWorld): Promise<void> {
  for (const namespace of NAMESPACES) {
    const all = await api.get<{ items: SchedulablePod[] }>(`/api/v1/namespaces/${namespace}/pods`);
    for (const { metadata } of all.items)
      await api.delete(`/api/v1/namespaces/${namespace}/pods/${metadata.name}`, { gracePeriodSeconds: 0 });
  }
  for (const name of [...world.nodes.keys()].map((position) => `gen-${position}`).concat('gen-sync'))
    await api.delete(`${NODES}/${name}`);
}
