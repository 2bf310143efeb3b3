import type { Baseline } from '../checks/baseline.js';
import type { Lease } from '../clients/kubernetesObjects.js';
import { LEASE_NAME } from '../clients/permissions.js';
import type { Holder } from '../runtime/processes.js';

/** Without renewal for so long, as seen by one's own clock, a holder counts as gone. */
export const LEASE_SECONDS = 30;

/** The node that is out of the cluster through us, and what it takes to bring it back. */
export interface OpenNode {
  node: string;
  /** SMBIOS UUID of its VM, for people: the steps themselves ask Proxmox. */
  vm: string;
  /** The last step that was begun. */
  step: string;
  /** Whether LINSTOR was asked to evacuate it: written before asking, so that a flag found later is known to be ours. */
  evacuated: boolean;
  /** Diskful replicas of each LINSTOR resource before the first change. */
  places: Record<string, number>;
  /** What was wrong before the turn: its health checks do not hold it against the node. */
  before?: Baseline;
}

/** What the lease says. */
export interface TurnRecord {
  /** `user@host:pid`; empty when nobody holds it. */
  holder: string;
  run: string;
  process?: Holder;
  /** Milliseconds since the epoch, by the holder's clock; 0 when never. */
  renewedAt: number;
  seconds: number;
  open?: OpenNode;
  /** Workers that are out beside it, where the run was asked to take several at a time. Never without `open`. */
  mates?: OpenNode[];
  /** The workers that the run takes out at the same time; absent: one node at a time. */
  batch?: string[];
  transitions: number;
  acquiredAt: number;
  resourceVersion?: string;
}

const PREFIX = 'prox-ops.io/';
type Key = 'run' | 'process' | 'node' | 'vm' | 'step' | 'evacuation' | 'places' | 'before' | 'mates' | 'batch';

/** Every node that is out. */
export function openNodes({ open, mates = [] }: Pick<TurnRecord, 'open' | 'mates'>): OpenNode[] {
  return open ? [open, ...mates] : [];
}

/** The record with these nodes out. */
export function withOpen(record: TurnRecord, [open, ...mates]: OpenNode[]): TurnRecord {
  const rest = { ...record };
  delete rest.open;
  delete rest.mates;
  return { ...rest, ...(open && { open }), ...(mates.length > 0 && { mates }) };
}

/** The record with what it says of one node changed, or with one node more. */
export function withNode(record: TurnRecord, node: OpenNode): TurnRecord {
  const open = openNodes(record);
  const at = open.findIndex((other) => other.node === node.node);
  return withOpen(record, at < 0 ? [...open, node] : open.with(at, node));
}

export function fromLease(lease: Lease): TurnRecord {
  const { spec = {}, metadata } = lease;
  const said = (key: Key): string | undefined => metadata.annotations?.[PREFIX + key];
  const process = parse<Holder>(said('process'));
  const node = said('node');
  const before = parse<Baseline>(said('before'));
  const open = node && {
    node,
    vm: said('vm') ?? '',
    step: said('step') ?? '',
    evacuated: said('evacuation') === 'asked',
    places: parse<Record<string, number>>(said('places')) ?? {},
    ...(before && { before }),
  };
  const mates = parse<OpenNode[]>(said('mates'));
  const batch = parse<string[]>(said('batch'));
  return {
    holder: spec.holderIdentity ?? '',
    run: said('run') ?? '',
    renewedAt: spec.renewTime === undefined ? 0 : Date.parse(spec.renewTime),
    acquiredAt: spec.acquireTime === undefined ? 0 : Date.parse(spec.acquireTime),
    seconds: spec.leaseDurationSeconds ?? LEASE_SECONDS,
    transitions: spec.leaseTransitions ?? 0,
    ...(process && { process }),
    ...(open && { open }),
    ...(open && mates && { mates }),
    ...(batch && { batch }),
    ...(metadata.resourceVersion !== undefined && { resourceVersion: metadata.resourceVersion }),
  };
}

/** The lease for a record; other people's labels and annotations on `base` stay. */
export function toLease(record: TurnRecord, namespace: string, base?: Lease): Lease {
  const kept = Object.entries(base?.metadata.annotations ?? {}).filter(([key]) => !key.startsWith(PREFIX));
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: {
      ...base?.metadata,
      name: LEASE_NAME,
      namespace,
      annotations: { ...Object.fromEntries(kept), ...annotations(record) },
      ...(record.resourceVersion !== undefined && { resourceVersion: record.resourceVersion }),
    },
    spec: {
      holderIdentity: record.holder,
      leaseDurationSeconds: record.seconds,
      leaseTransitions: record.transitions,
      ...(record.acquiredAt > 0 && { acquireTime: microTime(record.acquiredAt) }),
      ...(record.renewedAt > 0 && { renewTime: microTime(record.renewedAt) }),
    },
  };
}

function annotations({ run, process, open, mates, batch }: TurnRecord): Record<string, string> {
  const values: Partial<Record<Key, string>> = {
    ...(run && { run }),
    ...(process && { process: JSON.stringify(process) }),
    ...(open && { node: open.node, vm: open.vm, step: open.step, places: JSON.stringify(open.places) }),
    ...(open?.evacuated && { evacuation: 'asked' }),
    ...(open?.before && { before: JSON.stringify(open.before) }),
    ...(mates && { mates: JSON.stringify(mates) }),
    ...(batch && { batch: JSON.stringify(batch) }),
  };
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [PREFIX + key, value]));
}

/** Kubernetes' MicroTime wants six digits. */
function microTime(ms: number): string {
  return new Date(ms).toISOString().replace(/(\.\d{3})Z$/, '$1000Z');
}

function parse<T>(text: string | undefined): T | undefined {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as T;
  } catch {
    return undefined;
  }
}
