import { EventLog, type WorldEvent } from '../../../lab/world/events.js';
import {
  type BudgetStatus,
  type Invariant,
  type KubernetesSink,
  type KubernetesSource,
  type MonitorOptions,
  type NodeStatus,
  type PlannedNode,
  SafetyMonitor,
  type Verdict,
} from '../../../lab/monitor/index.js';

export const OLD = { talos: 'v1.12.0', schematic: 'a'.repeat(64), kubelet: 'v1.34.1' };
export const NEW = { talos: 'v1.13.0', schematic: 'a'.repeat(64), kubelet: 'v1.35.0' };

/** A Kubernetes API whose objects the test sets; reads see at once what watches may not have told. */
export class FakeKubernetes implements KubernetesSource {
  readonly nodes = new Map<string, NodeStatus>();
  sink: KubernetesSink | undefined;

  start(sink: KubernetesSink): void {
    this.sink = sink;
  }

  readNode(name: string): Promise<NodeStatus | undefined> {
    return Promise.resolve(this.nodes.get(name));
  }

  stop(): void {
    this.sink = undefined;
  }

  set(name: string, status: Partial<NodeStatus>, told = true): void {
    const whole = { ready: true, cordoned: false, ...this.nodes.get(name), ...status };
    this.nodes.set(name, whole);
    if (told) this.sink?.node(name, whole);
  }

  remove(name: string): void {
    this.nodes.delete(name);
    this.sink?.node(name, undefined);
  }

  budget(status: BudgetStatus): void {
    this.sink?.budget(`${status.namespace}/${status.name}`, status);
  }
}

interface SceneNode extends PlannedNode {
  generation: number;
  member?: string;
}

/** Three control planes and three workers, and what a careful rollout does to them, step by step. */
export class Scene {
  private time = Date.parse('2026-11-21T12:00:00Z');
  private lastGeneration = 0;
  private voters = 0;
  readonly events = new EventLog(() => (this.time += 10));
  readonly kubernetes = new FakeKubernetes();
  readonly monitor: SafetyMonitor;
  readonly nodes: SceneNode[];

  constructor(options: Partial<MonitorOptions> = {}) {
    this.monitor = new SafetyMonitor({ events: this.events, now: () => this.time, processes: () => [], ...options });
    this.monitor.connect(this.kubernetes);
    this.nodes = ['control-1', 'control-2', 'control-3', 'worker-1', 'worker-2', 'worker-3'].map((name, index) => ({
      name,
      role: name.startsWith('control') ? 'controlplane' : 'worker',
      vmid: 8001 + index,
      uuid: `00000000-0000-4000-8000-00000000800${index + 1}`,
      generation: 0,
    }));
  }

  /** Builds the cluster and arms the monitor. */
  build(): this {
    for (const node of this.nodes) {
      this.create(node.name);
      this.run(node.name, OLD);
      this.kubernetes.set(node.name, { ready: true, cordoned: false });
      if (node.role === 'controlplane') this.joinEtcd(node.name);
    }
    this.replica('pvc-1', 'worker-1', 'UpToDate');
    this.replica('pvc-1', 'worker-2', 'UpToDate');
    this.monitor.arm(this.nodes);
    return this;
  }

  node(name: string): SceneNode {
    const node = this.nodes.find((candidate) => candidate.name === name);
    if (!node) throw new Error(`the scene has no node ${name}`);
    return node;
  }

  emit(event: WorldEvent): void {
    this.events.emit(event);
  }

  /** One node replaced as it should be. */
  replace(name: string, release = NEW): void {
    this.leave(name);
    this.deleteVm(name);
    this.join(name, release);
  }

  leave(name: string): void {
    this.kubernetes.set(name, { cordoned: true });
    if (name.startsWith('worker')) this.evacuate(name);
    if (name.startsWith('control')) this.leaveEtcd(name);
  }

  join(name: string, release = NEW): void {
    this.create(name);
    this.run(name, release);
    this.kubernetes.set(name, { ready: true });
    if (name.startsWith('control')) this.joinEtcd(name);
    this.kubernetes.set(name, { cordoned: false });
  }

  create(name: string, changes: Partial<SceneNode> = {}): void {
    const node = this.node(name);
    node.generation = this.lastGeneration += 1;
    const { vmid, uuid, generation } = { ...node, ...changes };
    this.emit({ type: 'vm.created', vmid, name, host: 'odin', uuid, template: false, generation });
    this.emit({ type: 'vm.started', vmid, name, host: 'odin', generation });
  }

  run(name: string, release: typeof OLD): void {
    const { vmid, role } = this.node(name);
    const { talos: talosVersion, schematic, kubelet } = release;
    const address = '127.108.1.1';
    this.emit({ type: 'machine.running', vmid, node: name, address, role, talosVersion, schematic, kubelet });
  }

  stopVm(name: string): void {
    const { vmid, generation } = this.node(name);
    this.emit({ type: 'vm.stop-requested', vmid, name, generation, how: 'shutdown' });
    this.emit({ type: 'machine.down', vmid, node: name, address: '127.108.1.1' });
    this.emit({ type: 'vm.stopped', vmid, name, generation });
  }

  deleteVm(name: string): void {
    this.stopVm(name);
    const { vmid, uuid, generation } = this.node(name);
    this.emit({ type: 'vm.deleted', vmid, name, host: 'odin', uuid, generation, template: false });
    this.kubernetes.set(name, { ready: false });
  }

  joinEtcd(name: string): void {
    const id = `member-${(this.lastGeneration += 1)}`;
    this.node(name).member = id;
    const first = this.voters === 0;
    this.emit({ type: 'etcd.member', change: 'added', id, node: name, voters: this.voters, learners: first ? 0 : 1 });
    this.voters += 1;
    this.emit({ type: 'etcd.member', change: 'promoted', id, node: name, voters: this.voters, learners: 0 });
  }

  leaveEtcd(name: string): void {
    const id = this.node(name).member ?? '';
    this.voters -= 1;
    this.emit({ type: 'etcd.member', change: 'removed', id, node: name, voters: this.voters, learners: 0 });
  }

  replica(resource: string, node: string, state: string, change: 'created' | 'state' | 'deleted' = 'state'): void {
    const pool = 'lvm-thick';
    this.emit({ type: 'linstor.replica', change, resource, node, pool, diskful: true, state, flags: [] });
  }

  /** Moves the node's replica to another worker first. */
  evacuate(name: string): void {
    const workers = this.nodes.filter(({ role }) => role === 'worker').map((node) => node.name);
    const target = workers.find((worker) => worker !== name && !this.holders.has(worker));
    if (!this.holders.has(name) || !target) return;
    this.replica('pvc-1', target, 'SyncTarget(40.00%)', 'created');
    this.replica('pvc-1', target, 'UpToDate');
    this.replica('pvc-1', name, 'UpToDate', 'deleted');
    this.holders = new Set([...this.holders, target].filter((holder) => holder !== name));
  }

  private holders = new Set(['worker-1', 'worker-2']);

  /** The verdict on one invariant, with every check made. */
  async verdict(invariant: Invariant): Promise<Verdict> {
    const { invariants } = await this.monitor.judgement();
    const verdict = invariants.find((candidate) => candidate.invariant === invariant);
    if (!verdict) throw new Error(`no verdict on ${invariant}`);
    return verdict;
  }

  /** Which invariants are violated. */
  async violated(): Promise<Invariant[]> {
    const { invariants } = await this.monitor.judgement();
    return invariants.filter(({ holds }) => !holds).map(({ invariant }) => invariant);
  }

  /** The sequence number of the last event. */
  get seq(): number {
    return this.events.all().at(-1)?.seq ?? -1;
  }
}
