import type { AuditEntry } from './audit-log.js';
import { type BudgetStatus, selects } from './kubernetes.js';
import type { Moment, Report } from './verdict.js';

/** Pods that are gone stay known for a while: the audit log tells of an eviction after the watch told of its end. */
const REMEMBERED_PODS = 2_000;

/** Who may delete pods: Kubernetes' own controllers, its scheduler (preemption) and kubelets. */
const KUBERNETES_ITSELF =
  /^system:(serviceaccount:kube-system:[a-z-]+-(controller|collector)|kube-controller-manager|kube-scheduler|apiserver|node:.+)$/;

interface Eviction extends Moment {
  pod: string;
  user: string;
  /** The pod's end was seen. */
  gone: boolean;
}

/**
 * I4. An eviction against a budget cannot pass the API, so what is looked for is what goes around it: a DELETE of pods
 * by anyone who is not Kubernetes itself or the lab (read from the API server's audit log), and a budget with fewer
 * healthy pods than it demands after evictions of its own pods.
 */
export class EvictionRule {
  private readonly pods = new Map<string, Record<string, string>>();
  private readonly budgets = new Map<string, BudgetStatus>();
  /** Evictions since each budget was last content. */
  private readonly evictions = new Map<string, Eviction[]>();
  private readonly broken = new Set<string>();

  constructor(
    private readonly report: Report,
    /** Users of the lab's own parts, which may delete pods. */
    private readonly labUsers: readonly string[],
  ) {}

  onPod(key: string, labels: Record<string, string> | undefined): void {
    if (labels === undefined) {
      for (const eviction of [...this.evictions.values()].flat()) if (eviction.pod === key) eviction.gone = true;
      return;
    }
    this.pods.delete(key);
    this.pods.set(key, labels);
    const oldest = this.pods.keys().next().value;
    if (this.pods.size > REMEMBERED_PODS && oldest !== undefined) this.pods.delete(oldest);
  }

  onBudget(key: string, status: BudgetStatus | undefined, moment: Moment, armed: boolean): void {
    if (status === undefined) {
      this.budgets.delete(key);
      this.evictions.delete(key);
      this.broken.delete(key);
      return;
    }
    this.budgets.set(key, status);
    this.judge(key, status, moment, armed);
  }

  onAudit(entry: AuditEntry, moment: Moment, armed: boolean): void {
    if (entry.dryRun || entry.code < 200 || entry.code > 299 || this.mayDelete(entry.user)) return;
    if (entry.eviction) {
      this.evicted({ pod: entry.pod, user: entry.user, gone: false, ...moment }, armed);
    } else if (armed && (entry.verb === 'delete' || entry.verb === 'deletecollection')) {
      const what = `${entry.user} deleted ${describe(entry)} around the eviction API`;
      this.report('I4', what, { audit: entry }, moment);
    }
  }

  private mayDelete(user: string): boolean {
    return KUBERNETES_ITSELF.test(user) || this.labUsers.includes(user);
  }

  private evicted(eviction: Eviction, armed: boolean): void {
    const labels = this.pods.get(eviction.pod);
    const namespace = eviction.pod.split('/')[0];
    for (const [key, budget] of this.budgets) {
      if (!labels || budget.namespace !== namespace || !selects(budget.selector, labels)) continue;
      this.evictions.set(key, [...(this.evictions.get(key) ?? []), eviction]);
      this.judge(key, budget, eviction, armed);
    }
  }

  /** Content with a pod to spare after an evicted pod's end, the budget owes nothing to that eviction any more. */
  private judge(key: string, status: BudgetStatus, moment: Moment, armed: boolean): void {
    const { currentHealthy, desiredHealthy } = status;
    if (currentHealthy >= desiredHealthy) {
      this.broken.delete(key);
      if (currentHealthy > desiredHealthy) this.forget(key);
      return;
    }
    const evictions = this.evictions.get(key) ?? [];
    if (!armed || evictions.length === 0 || this.broken.has(key)) return;
    this.broken.add(key);
    const what = `budget ${key} has ${currentHealthy} healthy pods of the ${desiredHealthy} it demands, after evictions`;
    this.report('I4', what, { currentHealthy, desiredHealthy, evictions }, { at: moment.at, seq: moment.seq });
  }

  private forget(key: string): void {
    const owing = (this.evictions.get(key) ?? []).filter(({ gone }) => !gone);
    this.evictions.set(key, owing);
  }
}

function describe({ verb, pod }: AuditEntry): string {
  return verb === 'delete' ? `pod ${pod}` : `all matching pods of namespace ${pod.split('/')[0]}`;
}
