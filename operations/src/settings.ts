import type { Settings } from './contract.js';

/**
 * Values for a cluster that sets nothing itself. Sources: R000-5 (LINSTOR), R001-2 (remediation), R004-FR5 (drain,
 * Ready) and R004-FR7 (health). All durations in seconds.
 */
export const DEFAULT_SETTINGS: Settings & { linstorReachTimeout: number } = {
  linstorGuardEnabled: true,
  linstorStoragePool: 'lvm-thick',
  linstorEvacuationTimeout: 45 * 60,
  linstorSettleTimeout: 30 * 60,
  linstorReachTimeout: 120,
  drainTimeout: 300,
  drainAttempts: 3,
  deleteEmptyDirData: true,
  evictUnmanagedPods: false,
  nodeReadyTimeout: 600,
  etcdTimeout: 600,
  snapshotDirectory: '.prox-ops/snapshots',
  healthTimeout: 300,
  healthCheckTimeout: 30,
  healthPasses: 2,
  healthTries: 3,
  maxRemediations: 2,
  rebootMode: 'powercycle',
  leaseNamespace: 'kube-system',
};

/** Default for LINSTOR's namespace and controller selector (R000-5). */
export const DEFAULT_LINSTOR = {
  namespace: 'piraeus-datastore',
  selector: 'app.kubernetes.io/component=linstor-controller',
} as const;
