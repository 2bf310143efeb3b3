import { RELEASE_OVERRIDES } from '../../config/overrides';
import type { Release, Slot } from '../../config/schema';
import { confirmed } from '../ask';
import { packsFor, type PolicyOptions } from '../check/packs';
import { CommandError, ExitCode } from '../exit';
import { planRoll } from '../plan';
import { refuseOwnNode } from '../ownNode';
import { openStack } from '../project';
import { reconcile } from '../reconcile';
import { otherSlot, rollBack } from '../rollback';
import { inSession } from '../session';
import { setNodeSlot, stackConfig, stackFileOf } from '../stackFile';
import { projectFrom, type RunOptions } from './options';

export interface RollbackCommandOptions extends RunOptions, PolicyOptions {
  yes?: boolean;
  clear?: boolean;
}

/** `prox-ops rollback NODE`: replaces one node by one of the other slot's release, and holds it there. */
export async function rollbackCommand(node: string, options: RollbackCommandOptions): Promise<ExitCode> {
  const project = projectFrom(options);
  const stack = await openStack(project);
  const config = await stackConfig(stack);
  if (!config.nodes[node])
    throw new CommandError(`Expected a node of the stack (${Object.keys(config.nodes).join(', ')}), found ${node}.`);
  if (options.clear === true) {
    await setNodeSlot(stackFileOf(stack), node, undefined);
    process.stdout.write(`${node} follows the active slot again. See what changes with: prox-ops plan\n`);
    return ExitCode.ok;
  }
  refuseOwnNode(node, 'rollback');
  const slot = otherSlot(config, node);
  const release = config.releases[slot];
  if (!release)
    throw new CommandError(
      `${node} cannot be rolled back. Expected a release in slot ${slot} of the stack file, found it empty.`,
      ExitCode.blocked,
    );
  const plan = await planRoll(stack, { [RELEASE_OVERRIDES]: JSON.stringify({ [node]: slot }) });
  const planned = plan.nodes.find(({ name }) => name === node);
  if (!planned)
    throw new CommandError(`${node} runs ${release.talos} already: nothing to roll back.`, ExitCode.blocked);
  if (!(await confirmed(question(node, slot, release), 'yes', options.yes === true))) return ExitCode.interrupted;
  return inSession({ project, stack, command: 'rollback', arguments: [node], options }, async (session) => {
    const run = { stack, ...session, policyPacks: packsFor(options, session.log) };
    await reconcile(run);
    const outcome = await rollBack(run, planned, slot, 'asked for by prox-ops rollback');
    return outcome === 'rolled back' ? ExitCode.ok : ExitCode.open;
  });
}

function question(node: string, slot: Slot, release: Release): string {
  return `Replace ${node} by one of slot ${slot} (Talos ${release.talos}, Kubernetes ${release.kubernetes}) and hold it there?`;
}
