import { DEFAULT_SETTINGS, type BracketInputs } from '@prox-ops/operations';
import type { StackConfig } from '../config/schema';

/** The lifecycle steps' settings, from the stack's. */
export function settingsFrom(config: StackConfig): BracketInputs['settings'] {
  const { linstor } = config;
  const rollout: Partial<StackConfig['rollout']> = { ...config.rollout };
  // The driver's own: a change of it must not touch every node's resources.
  delete rollout.rollback;
  return {
    ...DEFAULT_SETTINGS,
    ...rollout,
    ...(linstor && {
      linstorGuardEnabled: linstor.guardEnabled,
      linstorStoragePool: linstor.storagePool,
      linstorEvacuationTimeout: linstor.evacuationTimeout,
      linstorSettleTimeout: linstor.settleTimeout,
    }),
  };
}
