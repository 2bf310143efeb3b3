import type { BracketInputs, LinstorAccess, Settings } from './contract.js';

/**
 * What a run tells the engines that it starts, and they their steps. To an engine a delete runs with what its resource was
 * made with: it knows nothing of a stack file that was edited since, or of `--set`.
 */
export interface RunSettings {
  settings: Settings;
  /** Absent: the stack has no LINSTOR. */
  linstor?: LinstorAccess;
}

/** `RunSettings` as JSON; no secret is in it. */
export const RUN_SETTINGS = 'PROX_OPS_RUN_SETTINGS';

/** What of a step's inputs a run may settle. */
export type Settled = Pick<BracketInputs, 'access' | 'settings'>;

type Environment = Readonly<Record<string, string | undefined>>;

/** Whether a run tells its steps anything: a bare `pulumi up` does not. */
export function hasRunSettings(env: Environment): boolean {
  return (env[RUN_SETTINGS] ?? '') !== '';
}

/** The inputs of a step as its run wants them; those of its resource where there is no such run. */
export function settledByRun<T extends Settled>(made: T, env: Environment): T {
  if (!hasRunSettings(env)) return made;
  const { settings, linstor = made.access.linstor } = JSON.parse(env[RUN_SETTINGS] ?? '') as RunSettings;
  return {
    ...made,
    settings: { ...settings, ...guardedPool(made) },
    access: { ...made.access, ...(linstor && { linstor }) },
  };
}

/** The node's replicas are in the pool that it was joined with: a run that guarded another one would delete them with the VM. */
function guardedPool({ access, settings }: Settled): Partial<Settings> {
  return access.linstor ? { linstorStoragePool: settings.linstorStoragePool } : {};
}
