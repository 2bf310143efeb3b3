import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { productionInventory } from '../../../lab/inventory/production.js';
import {
  KubernetesCluster,
  PROGRAMS,
  type Binaries,
  type KubernetesDependencies,
} from '../../../lab/kubernetes/index.js';
import { Connection } from '../../../lab/kubernetes/connection.js';
import { ensureTools } from '../../../lab/tools/index.js';
import { createAuthority } from '../../../lab/world/certificates.js';
import { realClock } from '../../../lab/world/clock.js';
import { FASTEST } from '../../../lab/world/durations.js';
import { EventLog, type Recorded, type WorldEvent } from '../../../lab/world/events.js';
import { Faults } from '../../../lab/world/faults.js';
import type { LabNetwork } from '../../../lab/world/network.js';
import type { ClusterPki, Machine, Machines, Storage, World } from '../../../lab/world/world.js';
import { testNetwork } from '../../support/network';

export interface NodePlan {
  name: string;
  address: string;
  role: 'controlplane' | 'worker';
  gpu?: string;
  labels?: Record<string, string>;
  taints?: Record<string, string>;
}

/** A cluster in the addresses of LabNetwork `base`: control planes from 10.20.67.1 and workers from 10.20.67.11 on. */
export function plan(network: LabNetwork, controlPlanes: number, workers: number, gpus = 0): NodePlan[] {
  const nodes = (count: number, role: NodePlan['role'], prefix: string, first: number): NodePlan[] =>
    Array.from({ length: count }, (_, index) => ({
      name: `${prefix}-${index + 1}`,
      role,
      address: network.map(`10.20.67.${first + index}`),
    }));
  const mappings = ['heimdall-gpu', 'thor-gpu'];
  const all = nodes(workers, 'worker', 'worker', 11).map((node, index) => {
    const gpu = index < gpus ? mappings[index] : undefined;
    return gpu === undefined ? node : { ...node, gpu };
  });
  return [...nodes(controlPlanes, 'controlplane', 'cp', 1), ...all];
}

/** Machines without hypervisor and operating system: what Talos would say of them is set by the test. */
export class FakeMachines implements Machines {
  private readonly machines = new Map<string, Machine>();
  private readonly serving = new Set<string>();
  private generation = 0;

  constructor(private readonly world: World) {}

  byNode(node: string): Machine | undefined {
    return this.machines.get(node);
  }

  running(): Machine[] {
    return [...this.machines.values()];
  }

  hasQuorum(): boolean {
    return this.serving.size > 0;
  }

  apiServers(): Machine[] {
    return this.running().filter((machine) => this.serving.has(machine.node));
  }

  /** The machine is booted on a new disk. */
  build(node: NodePlan, kubelet = 'v1.34.1'): Machine {
    const uuid = this.machines.get(node.name)?.uuid ?? randomUUID();
    const machine = fakeMachine(node, { kubelet, uuid, generation: (this.generation += 1) });
    this.machines.set(node.name, machine);
    return machine;
  }

  clear(): void {
    this.machines.clear();
  }

  setServing(...nodes: string[]): void {
    const had = this.hasQuorum();
    this.serving.clear();
    for (const node of nodes) this.serving.add(node);
    if (had !== this.hasQuorum()) {
      this.world.events.emit({ type: 'etcd.quorum', has: this.hasQuorum(), live: nodes.length, voters: 3 });
    } else {
      const change = { type: 'etcd.member', change: 'stopped', id: '1', node: '', voters: 3, learners: 0 } as const;
      this.world.events.emit(change);
    }
  }
}

export function fakeMachine(
  { name, address, role, gpu, labels = {}, taints = {} }: NodePlan,
  { kubelet, uuid, generation }: { kubelet: string; uuid: string; generation: number },
): Machine {
  const GIB = 2 ** 30;
  return {
    vmid: 8001,
    generation,
    node: name,
    address,
    role,
    stage: 'running',
    talosVersion: 'v1.11.5',
    schematic: 'ce4c980550dd2ab1b17bbf2b08801c7eb59418eafe8f279833297925d67c7515',
    extensions: ['siderolabs/drbd'],
    kubelet,
    staticPods: role === 'controlplane' ? kubelet : '',
    nodeLabels: labels,
    nodeTaints: taints,
    uuid,
    bootId: randomUUID(),
    hardware: {
      vmid: 8001,
      generation,
      name,
      host: 'odin',
      uuid,
      nics: [],
      ipConfigs: [],
      disks: [
        { slot: 'scsi0', volid: '', bytes: 64 * GIB, content: { image: { schematic: '', version: '' }, state: {} } },
      ],
      memory: 16 * GIB,
      cores: 8,
      pci: gpu === undefined ? [] : [gpu],
    },
  };
}

/** Records what it is told about volumes in use. */
export class FakeStorage implements Storage {
  readonly inUse = new Map<string, string>();

  satelliteUp(): void {}
  satelliteDown(): void {}
  wipe(): void {}
  recover(): void {}

  setInUse(resource: string, node: string, inUse: boolean): void {
    if (inUse) this.inUse.set(resource, node);
    else if (this.inUse.get(resource) === node) this.inUse.delete(resource);
  }
}

/** A whole lab as far as Kubernetes sees it. */
export class Stage {
  readonly network: LabNetwork;
  readonly world: World;
  readonly machines: FakeMachines;
  readonly storage = new FakeStorage();
  readonly cluster: KubernetesCluster;
  private readonly abort = new AbortController();
  private readonly connections: Connection[] = [];

  constructor(base: number, binaries: Binaries, deps: Partial<KubernetesDependencies> = {}) {
    this.network = testNetwork(base);
    this.world = {
      clock: realClock,
      durations: FASTEST,
      events: new EventLog(() => Date.now()),
      faults: new Faults(),
      network: this.network,
      inventory: productionInventory(this.network),
      directory: mkdtempSync(join(tmpdir(), 'lab-kubernetes-')),
      signal: this.abort.signal,
    };
    this.machines = new FakeMachines(this.world);
    this.cluster = new KubernetesCluster(this.world, {
      machines: () => this.machines,
      storage: this.storage,
      binaries,
      ...deps,
    });
  }

  get virtualAddress(): string {
    return this.network.map('10.20.67.20');
  }

  /** Bootstraps and brings all nodes up. */
  async start(nodes: NodePlan[]): Promise<Connection> {
    const controlPlanes = nodes.filter((node) => node.role === 'controlplane');
    for (const node of nodes) this.machines.build(node);
    this.machines.setServing(...controlPlanes.map((node) => node.name));
    await this.cluster.bootstrap(await makePki(this.network, this.virtualAddress));
    for (const machine of this.machines.running()) this.cluster.kubeletUp(machine);
    return this.connect();
  }

  /** As an administrator, through the cluster's endpoint. */
  async connect(): Promise<Connection> {
    return this.connection(await this.cluster.adminKubeconfig());
  }

  /** Past the endpoints. */
  async observe(): Promise<Connection> {
    return this.connection(await this.cluster.observerKubeconfig());
  }

  /** Resolves with the next event that fits. */
  event<T extends WorldEvent['type']>(
    type: T,
    fits: (event: Extract<Recorded, { type: T }>) => boolean = () => true,
  ): Promise<Extract<Recorded, { type: T }>> {
    return new Promise((resolve) => {
      const stop = this.world.events.on(type, (event) => {
        if (!fits(event)) return;
        stop();
        resolve(event);
      });
    });
  }

  /** What a client of its own, over a new connection, gets from /readyz. */
  async probe(kubeconfig: string): Promise<string> {
    const connection = new Connection(kubeconfig);
    try {
      return await connection.probe('/readyz');
    } finally {
      connection.close();
    }
  }

  failures(): string[] {
    return this.world.events
      .all()
      .flatMap((event) => (event.type === 'lab.failure' ? [`${event.part}: ${event.message}`] : []));
  }

  async close(): Promise<void> {
    for (const connection of this.connections) connection.close();
    await this.cluster.close();
    this.abort.abort();
    rmSync(this.world.directory, { recursive: true, force: true });
  }

  private connection(kubeconfig: string): Connection {
    const connection = new Connection(kubeconfig);
    this.connections.push(connection);
    return connection;
  }
}

export function findBinaries(): Promise<Binaries> {
  return ensureTools(PROGRAMS);
}

export async function makePki(network: LabNetwork, virtualAddress: string): Promise<ClusterPki> {
  const ca = await createAuthority({ commonName: 'kubernetes', algorithm: 'ecdsa' });
  const aggregatorCa = await createAuthority({ commonName: 'front-proxy', algorithm: 'ecdsa' });
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return {
    clusterName: 'test',
    endpoint: `https://${virtualAddress}:${network.ports.kubernetes}`,
    kubernetesVersion: 'v1.34.1',
    ca: { crt: ca.crt, key: ca.key },
    aggregatorCa: { crt: aggregatorCa.crt, key: aggregatorCa.key },
    serviceAccountKey: privateKey.export({ type: 'pkcs1', format: 'pem' }) as string,
    podSubnets: ['10.244.0.0/16'],
    serviceSubnets: ['10.96.0.0/12'],
    certSans: [],
  };
}

/** Resolves with an object as soon as it fits; watched, not asked again and again. */
export async function until<T extends { metadata?: { name?: string; namespace?: string } }>(
  connection: Connection,
  path: string,
  fits: (objects: readonly T[]) => boolean,
): Promise<readonly T[]> {
  return new Promise((resolve, reject) => {
    let informer: { list(): ReadonlyArray<T>; stop(): Promise<void> } | undefined;
    let done = false;
    const look = (): void => {
      // After the library has taken the event up in its list.
      setImmediate(() => {
        if (done || !informer || !fits(informer.list())) return;
        done = true;
        const found = informer.list();
        void informer.stop();
        resolve(found);
      });
    };
    connection.follow<T>(path, { changed: look, deleted: look }).then((started) => {
      informer = started;
      look();
    }, reject);
  });
}
