import type { Stack } from '@pulumi/pulumi/automation';
import { abortNode } from '../abort';
import { ExitCode } from '../exit';
import { standingNode } from '../inPlaceInputs';
import { InPlaceTurn } from '../inPlaceTurn';
import { rolloutLease } from '../lease';
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
      const halfReplaced = (await readState(stack)).openNodes();
      const inPlace = (await leftInPlace(stack, halfReplaced)).filter((name) => node === undefined || name === node);
      const open = node === undefined ? halfReplaced : [node].filter((name) => !inPlace.includes(name));
      if (open.length + inPlace.length === 0)
        session.log.emit({ type: 'progress', node: undefined, message: 'nothing to abort' });
      for (const name of inPlace)
        await new InPlaceTurn(context, name).putBack((await standingNode(stack, name)).inputs);
      for (const name of open) await abortNode(context, name);
      return ExitCode.ok;
    },
  );
}

/** A node that is out of the cluster with its VM and all of its resources: a reboot or an upgrade in place was stopped. */
async function leftInPlace(stack: Stack, halfReplaced: string[]): Promise<string[]> {
  // A cluster that does not answer stops the step that needs it, with a better message than one from here.
  const lease = await rolloutLease(stack).catch(() => undefined);
  const open = lease?.open?.node;
  return open === undefined || halfReplaced.includes(open) ? [] : [open];
}
