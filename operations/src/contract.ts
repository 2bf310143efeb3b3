/**
 * What a lifecycle resource hands to its leave and join steps. Everything here is plain data: it is stored in the
 * stack's state and must be enough to take the node out when the program that made it is long gone.
 */

export type Role = 'controlplane' | 'worker';

/** The node as planned: what the identity check compares the live world with. */
export interface NodeTarget {
  /** Kubernetes node name, host name, VM name and LINSTOR node name. */
  name: string;
  /** The VM's name, where it is another one: a VM that was adopted. */
  vmName?: string;
  role: Role;
  vmId: number;
  /** SMBIOS system UUID, lower case. */
  uuid: string;
  /** Proxmox host the VM lives on. */
  host: string;
  /** Machine API and kubelet address. */
  address: string;
  /** Whether the node has disks for LINSTOR, and so a satellite that must be back before it has joined. */
  satellite?: boolean;
}

/** How to reach the cluster. The two configs are secrets: never printed, on disk only as files of mode 0600. */
export interface ClusterAccess {
  clusterName: string;
  /** YAML text. */
  kubeconfig: string;
  /** YAML text, with endpoints. */
  talosconfig: string;
  /** Addresses of all control planes, in order. */
  controlPlanes: string[];
  /** https://host:8006; the API token comes from the environment or `proxmoxToken`, never from here. */
  proxmoxEndpoint: string;
  /** USER@REALM!ID=UUID */
  proxmoxToken: string;
  /** Absent: no LINSTOR in this cluster. */
  linstor?: LinstorAccess;
}

export interface LinstorAccess {
  /** Base URL of the controller's REST API; absent: found in the cluster by namespace and selector through a port-forward. */
  url?: string;
  namespace: string;
  selector: string;
}

/** Settings and defaults as R000-5, R001 and R004-FR5 ask; all durations in seconds. */
export interface Settings {
  linstorGuardEnabled: boolean;
  /** The guarded storage pool. */
  linstorStoragePool: string;
  linstorEvacuationTimeout: number;
  linstorSettleTimeout: number;
  drainTimeout: number;
  /** Times a drain is tried before the node is uncordoned and the run halts. */
  drainAttempts: number;
  /** Evict pods with emptyDir volumes (their data is lost). */
  deleteEmptyDirData: boolean;
  /** Evict pods that no controller will make again. */
  evictUnmanagedPods: boolean;
  /** VM started until the node is Ready. */
  nodeReadyTimeout: number;
  /** etcd: member back as a healthy voter. */
  etcdTimeout: number;
  /** Directory for etcd snapshots (0700, files 0600). */
  snapshotDirectory: string;
  /** Health checks after a join: overall, one check, consecutive passes, tries. */
  healthTimeout: number;
  healthCheckTimeout: number;
  healthPasses: number;
  healthTries: number;
  /** Reboots through Talos for a stalled join. */
  maxRemediations: number;
  rebootMode: 'default' | 'powercycle' | 'force';
  /** Namespace of the lease. */
  leaseNamespace: string;
  /** Image of the network's probe: agnhost. Absent: no probe is made. */
  probeImage?: string;
  /**
   * How long an evacuation waits for a LINSTOR controller that does not answer: the drain before it may have moved the
   * controller's own pod. Absent: the default.
   */
  linstorReachTimeout?: number;
}

export interface ReleaseTarget {
  /** v1.12.0 */
  talos: string;
  /** v1.34.1 */
  kubernetes: string;
  /** Schematic id. */
  schematic: string;
}

/** Inputs common to every lifecycle resource. */
export interface BracketInputs {
  node: NodeTarget;
  access: ClusterAccess;
  settings: Settings;
  release: ReleaseTarget;
  /** Fed by the VM: a change of it means the VM is replaced, and the whole chain with it. */
  vm: string;
}

export const BRACKETS = ['turn', 'drain', 'evacuation', 'etcd', 'gate'] as const;
/** RolloutTurn, NodeDrain, LinstorEvacuation, EtcdMembership, HealthGate. */
export type Bracket = (typeof BRACKETS)[number];

/** What an action is given to say what it does and when to stop. */
export interface StepContext {
  /** Identifies this run in the lease. */
  runId: string;
  /** `user@host:pid`, for people and for proving that a holder is gone. */
  holder: string;
  clock: Clock;
  /** One line of progress, without any secret. */
  report: (message: string) => void;
  signal: AbortSignal;
  /** The run's own process, which takes these workers out at the same time, one after the other; absent: one node at a time. */
  batch?: readonly string[];
}

/** Time, injected so that the same actions run in virtual time. */
export interface Clock {
  now(): number;
  delay(ms: number, signal?: AbortSignal): Promise<void>;
}

/**
 * A step stopped on purpose. The message has four parts, each a sentence: expected, found, what was put back, and the
 * command that goes on.
 */
export class StepError extends Error {
  constructor(
    readonly node: string,
    readonly step: string,
    readonly details: { expected: string; found: string; left: string; next: string },
  ) {
    super(
      `${node}: ${step} stopped. Expected: ${details.expected}. Found: ${details.found}. ` +
        `Left: ${details.left}. Go on with: ${details.next}`,
    );
    this.name = 'StepError';
  }
}
