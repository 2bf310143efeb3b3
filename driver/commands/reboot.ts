import { confirmed } from '../ask';
import { ExitCode } from '../exit';
import { standingNode } from '../inPlaceInputs';
import { refuseOwnNode } from '../ownNode';
import { openStack } from '../project';
import { rebootNode, type RebootMode } from '../reboot';
import { reconcile } from '../reconcile';
import { inSession } from '../session';
import { projectFrom, type RunOptions } from './options';

export interface RebootCommandOptions extends RunOptions {
  mode: RebootMode;
  /** Seconds. */
  timeout?: number;
  yes?: boolean;
}

/** `prox-ops reboot NODE`: through Talos, with every guard of a replacement around it. */
export async function rebootCommand(name: string, options: RebootCommandOptions): Promise<ExitCode> {
  refuseOwnNode(name, 'reboot');
  const project = projectFrom(options);
  const stack = await openStack(project);
  const node = await standingNode(stack, name);
  if (!(await confirmed(`Drain ${name}, reboot it and bring it back?`, 'yes', options.yes === true)))
    return ExitCode.interrupted;
  return inSession({ project, stack, command: 'reboot', arguments: [name], options }, async (session) => {
    const run = { stack, ...session };
    await reconcile(run);
    return rebootNode(run, node, options);
  });
}
