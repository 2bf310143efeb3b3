import { abortNode } from '../abort';
import { letGo } from '../bystanders';
import { ExitCode } from '../exit';
import { leftInPlace, putBackInPlace } from '../openNodes';
import { openStack } from '../project';
import { reconcile } from '../reconcile';
import { inSession } from '../session';
import { stackConfig } from '../stackFile';
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
      const halfReplaced = (await readState(stack)).openNodes();
      const left = await leftInPlace(stack, halfReplaced);
      const inPlace = left !== undefined && (node === undefined || left === node) ? [left] : [];
      const open = node === undefined ? halfReplaced : [node].filter((name) => !inPlace.includes(name));
      if (open.length + inPlace.length === 0)
        session.log.emit({ type: 'progress', node: undefined, message: 'nothing to abort' });
      for (const name of inPlace) await putBackInPlace(context, name);
      for (const name of open) await abortNode(context, name);
      await letGo(context, await stackConfig(stack), 'aborted');
      return ExitCode.ok;
    },
  );
}
