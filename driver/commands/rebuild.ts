import { resolve } from 'node:path';
import { planCluster } from '../../config/plan';
import { confirmed } from '../ask';
import { packsFor, type PolicyOptions } from '../check/packs';
import { ExitCode } from '../exit';
import { openStack } from '../project';
import { missingNodes, rebuild } from '../rebuild/rebuild';
import { inSession } from '../session';
import { readState } from '../state';
import { stackConfig } from '../stackFile';
import { fingerprint } from '../talosSecrets/bundle';
import { mustBeSame, readCopy, readIdentities } from '../talosSecrets/copy';
import { heldSecrets } from '../talosSecrets/held';
import { projectFrom, type RunOptions } from './options';
import { mustBeThere } from './secrets';

export interface RebuildCommandOptions extends RunOptions, PolicyOptions {
  yes?: boolean;
  secretsCopy?: string;
  identity?: string;
}

/** `prox-ops rebuild`: the cluster again, from the same secrets: same CA, same endpoint, old credentials work again. */
export async function rebuildCommand(options: RebuildCommandOptions): Promise<ExitCode> {
  const project = projectFrom(options);
  const stack = await openStack(project);
  const config = await stackConfig(stack);
  const held = mustBeThere(await heldSecrets(stack), stack.name);
  const { secretsCopy, identity } = options;
  if (secretsCopy !== undefined) {
    const identities = identity === undefined ? [] : await readIdentities(identity);
    mustBeSame(secretsCopy, await readCopy(resolve(secretsCopy), identities), held.bundle);
  }
  const missing = missingNodes(await readState(stack), planCluster(config));
  if (missing.length === 0) {
    process.stdout.write(
      options.json === true ? '' : 'Every node is there: nothing to rebuild. See: prox-ops health\n',
    );
    return ExitCode.ok;
  }
  const { name } = config.cluster;
  const question =
    `Rebuild ${missing.length} node(s) of cluster ${name} with the Talos secrets of OS authority ` +
    `${fingerprint(held.bundle)}?`;
  if (!(await confirmed(question, name, options.yes === true))) return ExitCode.interrupted;
  return inSession({ project, stack, command: 'rebuild', options }, (session) =>
    rebuild({ stack, config, held, policyPacks: packsFor(options, session.log) }, session),
  );
}
