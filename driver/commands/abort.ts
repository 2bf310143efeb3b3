import { abortNode } from '../abort';
import { ExitCode } from '../exit';
import { openStack } from '../project';
import { reconcile } from '../reconcile';
import { inSession } from '../session';
import { readState } from '../state';
import { projectFrom, type RunOptions } from './options';

/** `prox-ops abort [node]`: puts the node back whose leaving was stopped. */
export async function abortCommand(node: string | undefined, options: RunOptions): Promise<ExitCode> {
  const project = projectFrom(options);
  const stack = await openStack(project);
  return inSession(
    { project, stack, command: 'abort', arguments: node === undefined ? [] : [node], options },
    async (session) => {
      const context = { stack, ...session };
      await reconcile(context);
      const open = node === undefined ? (await readState(stack)).openNodes() : [node];
      if (open.length === 0) session.log.emit({ type: 'progress', node: undefined, message: 'nothing to abort' });
      for (const name of open) await abortNode(context, name);
      return ExitCode.ok;
    },
  );
}
