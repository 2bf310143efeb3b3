export { AUDIT_POLICY, auditPolicy } from './audit-policy.js';
export type { PlannedNode, Release } from './fleet.js';
export type { BudgetStatus, KubernetesSink, KubernetesSource, LabelSelector, NodeStatus } from './kubernetes.js';
export { LiveKubernetes } from './live-kubernetes.js';
export { type MonitorOptions, SafetyMonitor } from './monitor.js';
export type { Secret } from './needles.js';
export type { Process } from './processes.js';
export {
  type Invariant,
  INVARIANT_NAMES,
  INVARIANTS,
  type Judgement,
  type Moment,
  type Verdict,
  type Violation,
} from './verdict.js';
