import { randomUUID } from 'node:crypto';
import type {
  ClusterPki,
  KeyValue,
  DiskContent,
  Hardware,
  Hypervisors,
  Kubernetes,
  Machine,
  Storage,
  World,
} from '../../../lab/world/world.js';

export interface VmOptions {
  name: string;
  /** Without one the VM has no static address. */
  address?: string;
  image?: { schematic: string; version: string };
  dataDisk?: boolean;
}

/** VMs without a hypervisor's ways: they switch at once. */
export class FakeHypervisors implements Hypervisors {
  private readonly vms = new Map<number, { hardware: Hardware; running: boolean }>();
  private generations = 0;
  shutdownHandler: (vmid: number) => Promise<void> = async () => undefined;
  agentPing: (vmid: number) => boolean = () => false;

  constructor(private readonly world: World) {}

  create({ name, address, image, dataDisk }: VmOptions): number {
    this.generations += 1;
    const vmid = 100 + this.generations;
    const content: DiskContent = { ...(image ? { image } : {}), state: {} };
    const disk = { slot: 'scsi0', volid: `vms:vm-${vmid}-disk-0`, bytes: 100 * 2 ** 30, content };
    const data = { slot: 'scsi1', volid: `vms:vm-${vmid}-disk-1`, bytes: 200 * 2 ** 30, content: { state: {} } };
    const hardware: Hardware = {
      vmid,
      generation: this.generations,
      name,
      host: 'host-a',
      uuid: randomUUID(),
      nics: [{ slot: 'net0', mac: 'BC:24:11:00:00:01', bridge: 'vmbr0' }],
      ipConfigs: address === undefined ? [] : [{ address: `${address}/24` }],
      disks: dataDisk ? [disk, data] : [disk],
      memory: 4 * 2 ** 30,
      cores: 4,
      pci: [],
    };
    this.vms.set(vmid, { hardware, running: false });
    return vmid;
  }

  start(vmid: number): number {
    const { name, host, generation } = this.find(vmid).hardware;
    this.find(vmid).running = true;
    this.world.events.emit({ type: 'vm.started', vmid, name, host, generation });
    return vmid;
  }

  stop(vmid: number): void {
    const { name, generation } = this.find(vmid).hardware;
    this.find(vmid).running = false;
    this.world.events.emit({ type: 'vm.stopped', vmid, name, generation });
  }

  delete(vmid: number): void {
    const { name, host, uuid, generation } = this.find(vmid).hardware;
    this.vms.delete(vmid);
    this.world.events.emit({ type: 'vm.deleted', vmid, name, host, uuid, generation, template: false });
  }

  async shutdown(vmid: number): Promise<void> {
    await this.shutdownHandler(vmid);
    this.stop(vmid);
  }

  hardware(vmid: number): Hardware | undefined {
    return this.vms.get(vmid)?.hardware;
  }

  running(vmid: number): boolean {
    return this.vms.get(vmid)?.running ?? false;
  }

  guestPowerOff(vmid: number): void {
    this.stop(vmid);
  }

  onShutdown(handler: (vmid: number) => Promise<void>): void {
    this.shutdownHandler = handler;
  }

  onAgentPing(handler: (vmid: number) => boolean): void {
    this.agentPing = handler;
  }

  private find(vmid: number) {
    const vm = this.vms.get(vmid);
    if (!vm) throw new Error(`expected VM ${vmid}, found none`);
    return vm;
  }
}

/** Nodes are Ready as soon as their kubelet is up. */
export class FakeKubernetes implements Kubernetes {
  pki: ClusterPki | undefined;
  wipes = 0;
  readonly nodes = new Map<string, Machine>();
  readonly unready = new Set<string>();

  constructor(private readonly world: World) {}

  /** What etcd began with. */
  begun: KeyValue[] = [];
  kept: KeyValue[] = [{ key: Buffer.from('/registry/namespaces/kept'), value: Buffer.from('a value') }];

  async bootstrap(pki: ClusterPki, contents: KeyValue[] = []): Promise<void> {
    this.pki = pki;
    this.begun = contents;
  }

  contents(): Promise<KeyValue[]> {
    return Promise.resolve(this.kept);
  }

  kubeletUp(machine: Machine): void {
    this.nodes.set(machine.node, machine);
  }

  kubeletDown(node: string): void {
    this.nodes.delete(node);
  }

  async wipe(): Promise<void> {
    this.wipes += 1;
    this.pki = undefined;
  }

  async adminKubeconfig(): Promise<string> {
    const cluster = { name: 'lab', cluster: { server: this.pki?.endpoint ?? this.world.network.control } };
    const context = { name: 'admin@lab', context: { cluster: 'lab', user: 'admin@lab' } };
    const users = [{ name: 'admin@lab', user: {} }];
    const kinds = { apiVersion: 'v1', kind: 'Config', 'current-context': context.name };
    return JSON.stringify({ ...kinds, clusters: [cluster], contexts: [context], users });
  }

  nodeReady(node: string): boolean {
    return this.nodes.has(node) && !this.unready.has(node);
  }
}

export class FakeStorage implements Storage {
  readonly satellites = new Set<string>();

  satelliteUp(machine: Machine): void {
    this.satellites.add(machine.node);
  }

  satelliteDown(node: string): void {
    this.satellites.delete(node);
  }

  setInUse(): void {
    // Nothing here looks at it.
  }

  recovered = 0;

  wipe(): void {
    this.satellites.clear();
  }

  recover(): void {
    this.recovered += 1;
  }
}
