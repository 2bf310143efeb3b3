import type { Stack } from '@pulumi/pulumi/automation';
import type { Deployment } from '../adopt/deployment';
import { SECRETS_TYPE } from '../adopt/stateEntries';
import { destroy } from '../engine';
import { CommandError } from '../exit';
import { importState } from '../pulumiCli';

/** The one variable, beside the cluster's typed name, with which the Talos secrets may be lost (R002-1). */
export const DESTROY_SECRETS = 'TALOS_DESTROY_SECRETS';

/**
 * Whether the Talos secrets are to go: the variable and the cluster's name, both.
 * @throws CommandError when one of them is there without the other, or names another cluster.
 */
export function secretsAreToGo(
  environment: Readonly<Record<string, string | undefined>>,
  cluster: string,
  named: string | undefined,
): boolean {
  const value = environment[DESTROY_SECRETS] ?? '';
  const wanted = value === '1';
  if (value !== '' && value !== '0' && !wanted)
    throw new CommandError(`${DESTROY_SECRETS}: expected 1, or nothing, found '${value}'. Nothing was changed.`);
  if (!wanted && named !== undefined)
    throw new CommandError(
      `--lose-secrets: expected ${DESTROY_SECRETS}=1 in the environment as well. Nothing was changed.`,
    );
  if (wanted && named !== cluster)
    throw new CommandError(
      `${DESTROY_SECRETS}=1: expected --lose-secrets ${cluster} as well, found ${named ?? 'nothing'}. Nothing was changed.`,
    );
  return wanted;
}

/** Deletes the Talos secrets from the state, once nothing else is in it that was built with them. */
export async function forgetSecrets(stack: Stack, say: (what: string) => void): Promise<void> {
  const exported: Deployment = await stack.exportStack();
  const { resources = [] } = exported.deployment;
  const unprotected = resources.map((resource) =>
    resource.type === SECRETS_TYPE ? { ...resource, protect: false } : resource,
  );
  await importState(stack, { ...exported, deployment: { ...exported.deployment, resources: unprotected } });
  await destroy(stack, { message: 'prox-ops destroy: the Talos secrets' }, say);
}
