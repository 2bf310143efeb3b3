import { batchIn } from './batch.js';
import { hasRunSettings, type Settled } from './runSettings.js';

/** Set by the driver's read-only plan, which previews all replacements at once and carries none of them out. */
const PLAN_ONLY = 'PROX_OPS_PLAN';

/** Names the cluster that is torn down as a whole: what the engine asks of a node then is no replacement. */
const TEARDOWN = 'PROX_OPS_TEARDOWN';

/** One provider host serves one preview or update; what it has been told lasts as long. */
const announced = new Set<string>();
/** As long: nodes that were joined without the guard that they are to have. */
const unguarded = new Set<string>();

/**
 * Told of each node that this update would replace, or give another Kubernetes. The engine replaces two nodes at the same time when it may, and one
 * failed step stops the whole update: only one node is let in, or the workers of the batch that a run has named.
 * @throws Error for another one, in the preview already.
 */
export function announceReplacement(
  node: string,
  cluster: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
): void {
  if (env[TEARDOWN] === cluster) return;
  announced.add(node);
  if (announced.size < 2 || env[PLAN_ONLY] === '1') return;
  const batch = batchIn(env);
  if ([...announced].every((name) => batch.includes(name))) return;
  const [first] = announced;
  const others = [...announced].filter((name) => name !== first).join(', ');
  throw new Error(
    `one update may replace one node, or change its Kubernetes: expected ${first ?? node} alone, found ${others} as ` +
      'well. Nothing was changed. Do it one by one with: npx prox-ops roll',
  );
}

/** Told of each node, before the engine comes to its VM. */
export function noteGuard(node: string, made: Settled, now: Settled): void {
  if (!guards(made) && guards(now)) unguarded.add(node);
}

/**
 * Told of each node that is replaced. A bare `pulumi up` tells its steps nothing: a node that was joined with no guard, or
 * before the stack had LINSTOR, would leave without one, whatever the stack file says now.
 * @throws Error in the preview already.
 */
export function refuseUnguarded(node: string, env: Readonly<Record<string, string | undefined>> = process.env): void {
  if (env[PLAN_ONLY] === '1' || hasRunSettings(env) || !unguarded.has(node)) return;
  throw new Error(
    `${node}: expected its leave steps to guard LINSTOR's replicas, as the stack file says, found that it was joined ` +
      'without that guard. Nothing was changed. Replace it with: npx prox-ops roll',
  );
}

function guards({ access, settings }: Settled): boolean {
  return access.linstor !== undefined && settings.linstorGuardEnabled;
}

/** For tests: forgets every node told so far. */
export function forgetAnnouncements(): void {
  announced.clear();
  unguarded.clear();
}
