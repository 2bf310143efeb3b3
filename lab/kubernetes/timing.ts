import { REALISTIC, type Durations } from '../world/durations.js';

/** Milliseconds between a kubelet's heartbeats and until a silent node is declared gone, and what hangs on them. */
export interface Timing {
  heartbeat: number;
  /** kube-controller-manager --node-monitor-period. */
  monitorPeriod: number;
  /** kube-controller-manager --node-monitor-grace-period. */
  grace: number;
  /** Seconds that a pod tolerates a node that is not ready or not reachable. */
  toleration: number;
}

/** Kubernetes' own defaults (1.36: 50 s of grace, 300 s of toleration) where the world runs at real speed. */
const REAL: Timing = { heartbeat: 10_000, monitorPeriod: 5_000, grace: 50_000, toleration: 300 };

/**
 * The shortest that suits two busy cores: a node must not be declared gone because a compiler took the processor for
 * three seconds, and the heartbeats of fifteen nodes once a second would take a quarter of a core.
 */
const SHORTEST: Timing = { heartbeat: 3_000, monitorPeriod: 1_000, grace: 10_000, toleration: 30 };

/** Scales with the time a kubelet takes to start. */
export function timing(durations: Durations): Timing {
  const scale = durations.kubelet / REALISTIC.kubelet;
  const scaled = (key: keyof Timing): number =>
    Math.min(REAL[key], Math.max(SHORTEST[key], Math.round(REAL[key] * scale)));
  return {
    heartbeat: scaled('heartbeat'),
    monitorPeriod: scaled('monitorPeriod'),
    grace: scaled('grace'),
    toleration: scaled('toleration'),
  };
}
