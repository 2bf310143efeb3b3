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
type Settled = Pick<BracketInputs, 'access' | 'settings'>;

type Environment = Readonly<Record<string, string | undefined>>;

/** The inputs of a step as its run wants them; those of its resource where there is no such run. */
export function settledByRun<T extends Settled>(made: T, env: Environment): T {
  const text = env[RUN_SETTINGS] ?? '';
  if (text === '') return made;
  const { settings, linstor = made.access.linstor } = JSON.parse(text) as RunSettings;
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

/** Nodes of this preview or update that were joined without the guard they are to have: one provider host serves one. */
const unguarded = new Set<string>();

/** Told of each node, before the engine comes to its VM. */
export function noteGuard(node: string, made: Settled, now: Settled): void {
  if (!guards(made) && guards(now)) unguarded.add(node);
}

/**
 * Told of each node that is replaced. A bare `pulumi up` tells its steps nothing: a node that was joined with no guard, or
 * before the stack had LINSTOR, would leave without one, whatever the stack file says now.
 * @throws Error in the preview already.
 */
export function refuseUnguarded(node: string, env: Environment = process.env): void {
  if ((env[RUN_SETTINGS] ?? '') !== '' || !unguarded.has(node)) return;
  throw new Error(
    `${node}: expected its leave steps to guard LINSTOR's replicas, as the stack file says, found that it was joined ` +
      'without that guard. Nothing was changed. Replace it with: npx prox-ops roll',
  );
}

/** For tests: forgets every node told so far. */
export function forgetGuards(): void {
  unguarded.clear();
}

function guards({ access, settings }: Settled): boolean {
  return access.linstor !== undefined && settings.linstorGuardEnabled;
}
