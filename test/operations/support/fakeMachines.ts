import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import {
  TalosError,
  type EtcdMember,
  type EtcdStatus,
  type MachineStatus,
  type Proxmox,
  type ProxmoxSite,
  type ProxmoxVm,
  type Talos,
} from '../../../operations/src/index';

export interface FakeMachine {
  address: string;
  stage: string;
  ready: boolean;
  /** Whether the machine API answers. */
  reachable: boolean;
  version: string;
  schematic: string;
  bootId: string;
  /** Absent: no etcd runs there. */
  member?: EtcdMember & { raftIndex: number; raftAppliedIndex: number; errors: string };
  /** Its member has left: etcd stays stopped until the next boot. */
  etcdStopped?: boolean;
}

/** A whole bolt database as etcd's snapshots have it, with its checksum. */
export function snapshotBytes(): Buffer {
  const database = Buffer.alloc(8192);
  database.writeUInt32LE(0xed0cdaed, 16);
  return Buffer.concat([database, createHash('sha256').update(database).digest()]);
}

export class FakeTalos implements Talos {
  readonly machines = new Map<string, FakeMachine>();
  readonly writes: string[] = [];
  /** What a snapshot stream holds. */
  snapshot = snapshotBytes();
  /** What a reboot does to the machine. */
  onReboot: (machine: FakeMachine) => void = () => undefined;
  /** A leave that is answered with an error though it worked. */
  leaveCutOff = false;
  /** A member that says it leaves, and stays. */
  leaveIgnored = false;

  async machineStatus(address: string): Promise<MachineStatus> {
    const machine = this.reached(address);
    if (machine.stage === 'maintenance')
      throw new TalosError('foreign', 'x509: certificate signed by unknown authority');
    return Promise.resolve({ stage: machine.stage, ready: machine.ready, unmet: [] });
  }

  async maintenanceStatus(address: string): Promise<MachineStatus> {
    const { stage, ready } = this.reached(address);
    return Promise.resolve({ stage, ready, unmet: [] });
  }

  async extensions(address: string): Promise<{ name: string; version: string }[]> {
    return Promise.resolve([
      { name: 'drbd', version: '9.2' },
      { name: 'schematic', version: this.reached(address).schematic },
    ]);
  }

  async version(address: string): Promise<string> {
    return Promise.resolve(this.reached(address).version);
  }

  async bootId(address: string): Promise<string> {
    return Promise.resolve(this.reached(address).bootId);
  }

  async etcdMembers(address: string): Promise<EtcdMember[]> {
    this.memberAt(address);
    const members = [...this.machines.values()].flatMap(({ member }) => (member ? [member] : []));
    return Promise.resolve(
      [...members, ...this.dead].map(({ id, hostname, peerUrls, learner }) => ({ id, hostname, peerUrls, learner })),
    );
  }

  /** Members in the list without a machine. */
  readonly dead: EtcdMember[] = [];

  async etcdStatus(address: string): Promise<EtcdStatus> {
    const { id, raftIndex, raftAppliedIndex, learner, errors } = this.memberAt(address);
    return Promise.resolve({ id, leader: 'a1', raftIndex, raftAppliedIndex, learner, errors });
  }

  async etcdSnapshot(address: string, file: string): Promise<void> {
    this.memberAt(address);
    await writeFile(file, this.snapshot);
  }

  async etcdForfeitLeadership(address: string): Promise<void> {
    this.memberAt(address);
    this.writes.push(`forfeit ${address}`);
    return Promise.resolve();
  }

  async etcdLeave(address: string): Promise<void> {
    this.memberAt(address);
    this.writes.push(`leave ${address}`);
    const machine = this.machines.get(address);
    if (machine && !this.leaveIgnored) {
      delete machine.member;
      machine.etcdStopped = true;
    }
    if (this.leaveCutOff) throw new TalosError('unreachable', 'error reading from server: EOF');
    return Promise.resolve();
  }

  async etcdRemoveMember(via: string, id: string): Promise<void> {
    this.memberAt(via);
    this.writes.push(`remove ${id}`);
    const index = this.dead.findIndex((member) => member.id === id);
    if (index >= 0) this.dead.splice(index, 1);
    for (const machine of this.machines.values()) if (machine.member?.id === id) delete machine.member;
    return Promise.resolve();
  }

  async serviceState(address: string): Promise<string> {
    const { etcdStopped } = this.reached(address);
    return Promise.resolve(etcdStopped ? 'Finished: Service finished successfully' : 'Preparing: Running pre state');
  }

  async reboot(address: string, mode: string): Promise<void> {
    const machine = this.reached(address);
    this.writes.push(`reboot ${address} ${mode}`);
    this.onReboot(machine);
    return Promise.resolve();
  }

  /** What an installer makes of the machine. */
  onUpgrade: (machine: FakeMachine, image: string) => void = () => undefined;

  async pullImage(address: string, image: string): Promise<void> {
    this.reached(address);
    this.writes.push(`pull ${address} ${image}`);
    return Promise.resolve();
  }

  async upgrade(address: string, image: string): Promise<void> {
    const machine = this.reached(address);
    this.writes.push(`upgrade ${address} ${image}`);
    this.onUpgrade(machine, image);
    return Promise.resolve();
  }

  async kubeconfig(): Promise<string> {
    return Promise.resolve('');
  }

  machine(address: string): FakeMachine {
    const machine = this.machines.get(address);
    if (!machine) throw new Error(`no machine at ${address}`);
    return machine;
  }

  private reached(address: string): FakeMachine {
    const machine = this.machines.get(address);
    if (!machine?.reachable) throw new TalosError('unreachable', `dial tcp ${address}:50000: connection refused`);
    return machine;
  }

  private memberAt(address: string): NonNullable<FakeMachine['member']> {
    const { member } = this.reached(address);
    if (!member) throw new TalosError('other', 'etcd service is not running');
    return member;
  }
}

export class FakeProxmox implements Proxmox {
  readonly vms = new Map<number, ProxmoxVm>();
  readonly offline = new Set<string>();
  /** VMs that are switched off. */
  readonly off = new Set<number>();

  async isOff(vmid: number): Promise<boolean> {
    return Promise.resolve(this.off.has(vmid));
  }

  async vm(vmid: number): Promise<ProxmoxVm | undefined> {
    return Promise.resolve(this.vms.get(vmid));
  }

  /** Hosts, storages and mappings as a test wants them; the guests are the VMs. */
  surroundings: Omit<ProxmoxSite, 'guests'> = {
    quorate: true,
    hosts: [{ name: 'pve1', online: true, memory: 256 * 2 ** 30, memoryUsed: 64 * 2 ** 30 }],
    storages: [],
    mappings: new Map(),
  };

  async site(): Promise<ProxmoxSite> {
    const guests = [...this.vms.values()].map(({ vmid, name, host }) => ({
      vmid,
      name,
      host,
      template: name.startsWith('talos-'),
      running: true,
      memory: 16 * 2 ** 30,
    }));
    return Promise.resolve({ ...this.surroundings, guests });
  }

  async hostOnline(host: string): Promise<boolean> {
    return Promise.resolve(!this.offline.has(host));
  }
}
