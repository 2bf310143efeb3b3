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

/** What a stack says of its rollouts and of LINSTOR, as far as the steps want to know it. */
export interface StackSettings {
  /** May hold more than the steps' settings: the driver's own stay out, so that a change of them touches no node. */
  rollout: Partial<Settings> & { networkProbe?: boolean };
  linstor?:
    { guardEnabled: boolean; storagePool: string; evacuationTimeout: number; settleTimeout: number } | undefined;
}

/** The settings that the lifecycle steps of a stack run with. */
export function stepSettings({ rollout, linstor }: StackSettings): Settings {
  const known = Object.entries(rollout).filter(([name]) => name in DEFAULT_SETTINGS);
  const { networkProbe = true, probeImage } = rollout;
  return {
    ...DEFAULT_SETTINGS,
    ...Object.fromEntries(known),
    ...(networkProbe && probeImage !== undefined && { probeImage }),
    ...(linstor && {
      linstorGuardEnabled: linstor.guardEnabled,
      linstorStoragePool: linstor.storagePool,
      linstorEvacuationTimeout: linstor.evacuationTimeout,
      linstorSettleTimeout: linstor.settleTimeout,
    }),
  };
}
