/** One thing that a rollout would meet. */
export interface Finding {
  /** blocker: the run would stop, or must not begin. warning: it goes on, and this is what it costs or waits for. */
  severity: 'blocker' | 'warning';
  topic: Topic;
  /** The node whose turn it concerns; absent: every turn. */
  node?: string;
  /** What it is about: a pod, a budget, a LINSTOR resource, a Proxmox host … */
  object: string;
  expected: string;
  found: string;
  /** What to do about it. */
  remedy: string;
}

export type Topic =
  | 'reachability'
  | 'lock'
  | 'node'
  | 'etcd'
  | 'version'
  | 'budget'
  | 'pod'
  | 'scheduling'
  | 'storage'
  | 'health'
  | 'template'
  | 'proxmox';

type Told = Omit<Finding, 'severity'>;

export function blocker(told: Told): Finding {
  return { severity: 'blocker', ...told };
}

export function warning(told: Told): Finding {
  return { severity: 'warning', ...told };
}

/** A list for people: long ones are cut. */
export function listed(items: string[], most = 5): string {
  const more = items.length > most ? `; and ${items.length - most} more` : '';
  return items.slice(0, most).join('; ') + more;
}
