import { batchIn } from './batch.js';

/** Set by the driver's read-only plan, which previews all replacements at once and carries none of them out. */
const PLAN_ONLY = 'PROX_OPS_PLAN';

/** Names the cluster that is torn down as a whole: what the engine asks of a node then is no replacement. */
const TEARDOWN = 'PROX_OPS_TEARDOWN';

/** One provider host serves one preview or update; what it has been told lasts as long. */
const announced = new Set<string>();

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
  if (announced.size < 2 || isPlanOnly(env)) return;
  const batch = batchIn(env);
  if ([...announced].every((name) => batch.includes(name))) return;
  const [first] = announced;
  const others = [...announced].filter((name) => name !== first).join(', ');
  throw new Error(
    `one update may replace one node, or change its Kubernetes: expected ${first ?? node} alone, found ${others} as ` +
      'well. Nothing was changed. Do it one by one with: npx prox-ops roll',
  );
}

/** Whether this is such a preview. */
export function isPlanOnly(env: Readonly<Record<string, string | undefined>> = process.env): boolean {
  return env[PLAN_ONLY] === '1';
}

/** For tests: forgets every node told so far. */
export function forgetAnnouncements(): void {
  announced.clear();
}
