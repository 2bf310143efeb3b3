/** Kinds of what a cluster leaves behind. */
export const KINDS = [
  'disk image',
  'snippet',
  'boot image',
  'template',
  'PCI mapping',
  'PCI device',
  'Kubernetes node',
  'LINSTOR node',
  'etcd member',
  'DNS record',
] as const;
export type Kind = (typeof KINDS)[number];

/**
 * orphan: provably nobody's, and provably made for this stack: it can be deleted. stale: of no use any more by what is
 * seen, and not ours to delete. unknown: a source is silent. foreign: not in use by what is seen, and not made for this
 * stack. What has an owner is not listed.
 */
export type Verdict = 'orphan' | 'stale' | 'unknown' | 'foreign';

/** How to delete an orphan. */
export type Target =
  | { kind: 'file'; host: string; storage: string; volid: string }
  | { kind: 'vm'; host: string; vmId: number }
  | { kind: 'node'; what: 'Kubernetes node' | 'LINSTOR node'; machine: Machine }
  | { kind: 'node'; what: 'etcd member'; id: string; machine: Machine };

/** A machine that is no more, as far as it is known. */
export interface Machine {
  name: string;
  /** SMBIOS UUID, lower case; empty where nothing tells. */
  uuid: string;
  /** Empty where nothing tells. */
  address: string;
}

export interface Leftover {
  kind: Kind;
  name: string;
  /** Where it is: a host, several for a shared storage; empty for what belongs to the cluster. */
  where: string;
  verdict: Verdict;
  evidence: string;
  /** Bytes. */
  size?: number;
  /** Seconds since the epoch. */
  created?: number;
  /** What a person does about it, where we do not. */
  remedy?: string;
  /** Of orphans. */
  target?: Target;
}

/** The same thing at a second look. */
export function isSame(left: Leftover, right: Leftover): boolean {
  return left.kind === right.kind && left.name === right.name && left.where === right.where;
}

export function byKind(left: Leftover, right: Leftover): number {
  const order = KINDS.indexOf(left.kind) - KINDS.indexOf(right.kind);
  if (order !== 0) return order;
  return `${left.name} ${left.where}` < `${right.name} ${right.where}` ? -1 : 1;
}
