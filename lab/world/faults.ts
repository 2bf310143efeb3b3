/**
 * Everything that can be made to go wrong in the lab, by name. `scope` says what the fault's subject is:
 * a cluster node by its Kubernetes name (which is its VM's name, too), a Proxmox host, or nothing.
 */
export const FAULTS = {
  'clone-task-fails': { scope: 'node', says: 'the clone POST succeeds, its task then fails' },
  'clone-lock': { scope: 'node', says: "the clone POST answers 500 can't lock file ... got timeout" },
  'start-fails': { scope: 'node', says: 'the start task fails after a clean clone and config' },
  'config-fails': { scope: 'node', says: 'PUT config answers 500 after a clean clone' },
  'never-boots': { scope: 'node', says: 'the VM runs, its machine API never answers' },
  'stays-in-maintenance': { scope: 'node', says: 'a configuration is accepted and the machine stays in maintenance' },
  'boot-stalls': { scope: 'node', says: 'the machine stops in stage booting until it is rebooted through Talos' },
  'never-ready': { scope: 'node', says: 'the kubelet registers and never reports Ready' },
  'wrong-kubelet-version': { scope: 'node', says: 'the kubelet reports another version than the configured one' },
  'pdb-never-allows': { scope: 'none', says: 'a PodDisruptionBudget that allows no eviction covers the web workload' },
  'pod-never-terminates': { scope: 'node', says: 'one evicted pod of the node keeps terminating for ever' },
  'pod-network-down': { scope: 'node', says: 'pods on the node reach nothing, and nothing reaches them' },
  'evacuation-no-capacity': { scope: 'none', says: 'no LINSTOR storage pool has room for another replica' },
  'sync-stuck': { scope: 'none', says: 'DRBD resynchronisation stops where it is' },
  'resource-faulty': {
    scope: 'node',
    says: "a replica on the node turns Inconsistent and its peers' connections drop",
  },
  'linstor-unreachable': { scope: 'none', says: 'the LINSTOR controller refuses connections' },
  'linstor-silent': { scope: 'none', says: 'the LINSTOR controller accepts connections and never answers' },
  'satellite-never-back': { scope: 'node', says: 'the LINSTOR satellite of the node stays OFFLINE after a boot' },
  'etcd-never-voter': { scope: 'node', says: 'the etcd member of the node stays a learner' },
  'snapshot-truncated': { scope: 'none', says: 'an etcd snapshot stream ends early' },
  'kubernetes-api-flaps': { scope: 'none', says: 'every other new connection to the Kubernetes API is cut' },
  'kubernetes-api-down': { scope: 'none', says: 'the Kubernetes API refuses connections' },
  'proxmox-500': { scope: 'none', says: 'the Proxmox API answers 500' },
  'proxmox-timeout': { scope: 'none', says: 'the Proxmox API accepts a request and never answers' },
  'host-offline': { scope: 'host', says: 'one Proxmox host answers 595 to everything below its name' },
  'talos-unreachable': {
    scope: 'node',
    says: 'the machine API of the node refuses connections while the machine runs on',
  },
  'clock-behind': { scope: 'node', says: "the node's clock is 90 s behind its time server's" },
  'vm-id-reused': { scope: 'node', says: "the node's VM is gone and its VM id belongs to another machine" },
} as const satisfies Record<string, { scope: 'node' | 'host' | 'none'; says: string }>;

export type FaultName = keyof typeof FAULTS;

export interface ActiveFault {
  name: FaultName;
  /** The node or host, '' for faults without a subject. */
  subject: string;
  /** How many more times it strikes; Infinity until it is cleared. */
  left: number;
}

/** A fault was asked for that does not exist, or for a subject that does not fit. */
export class FaultError extends Error {}

/** The faults in force. Emulators ask it at the moment where the real thing would go wrong. */
export class Faults {
  private readonly active = new Map<string, ActiveFault>();
  private readonly listeners = new Set<(fault: ActiveFault, change: 'set' | 'cleared') => void>();

  /** Puts a fault in force. @throws FaultError naming what was wrong. */
  set(name: string, subject = '', count = Infinity): void {
    if (!(name in FAULTS)) {
      throw new FaultError(`unknown fault '${name}'; known faults: ${Object.keys(FAULTS).join(', ')}`);
    }
    const fault: ActiveFault = { name: name as FaultName, subject, left: count };
    const scope = FAULTS[fault.name].scope;
    if (scope === 'none' && subject !== '') throw new FaultError(`fault '${name}' takes no node, found '${subject}'`);
    if (scope !== 'none' && subject === '') throw new FaultError(`fault '${name}' needs a ${scope}, found none`);
    if (!(count > 0)) throw new FaultError(`fault '${name}': the count must be above 0, found ${count}`);
    this.active.set(key(fault.name, subject), fault);
    this.announce(fault, 'set');
  }

  /** Lifts one fault, or every fault when no name is given. */
  clear(name?: string, subject?: string): void {
    for (const [id, fault] of [...this.active]) {
      if (name !== undefined && fault.name !== name) continue;
      if (subject !== undefined && fault.subject !== subject) continue;
      this.active.delete(id);
      this.announce(fault, 'cleared');
    }
  }

  /** True when the fault is in force; counts nothing. For conditions that last. */
  has(name: FaultName, subject = ''): boolean {
    return this.active.has(key(name, subject));
  }

  /** True when the fault strikes now; uses up one of its counted strikes. For moments. */
  strikes(name: FaultName, subject = ''): boolean {
    const fault = this.active.get(key(name, subject));
    if (!fault) return false;
    fault.left -= 1;
    if (fault.left <= 0) {
      this.active.delete(key(name, subject));
      this.announce(fault, 'cleared');
    }
    return true;
  }

  list(): ActiveFault[] {
    return [...this.active.values()];
  }

  /** Calls back whenever a fault is set or cleared; returns the way to stop. */
  onChange(listener: (fault: ActiveFault, change: 'set' | 'cleared') => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private announce(fault: ActiveFault, change: 'set' | 'cleared'): void {
    for (const listener of this.listeners) listener(fault, change);
  }
}

function key(name: FaultName, subject: string): string {
  return `${name} ${subject}`;
}
