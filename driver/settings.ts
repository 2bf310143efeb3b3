import { DEFAULT_SETTINGS, type BracketInputs } from '@prox-ops/operations';
import type { StackConfig } from '../config/schema';

/** The settings that the lifecycle steps of this stack run with. */
export function stepSettings({ linstor, rollout }: StackConfig): BracketInputs['settings'] {
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
