import { openNodes } from '@prox-ops/operations';
import { abortNode } from '../abort';
import { letGo } from '../bystanders';
import { ExitCode } from '../exit';
import { leaseIfAny } from '../lease';
import { abortBatch, asLeftBatch } from '../leftTogether';
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
      const lease = await leaseIfAny(stack);
      const batch = asLeftBatch(lease);
      if (batch) await abortBatch(context, batch, node);
      // What is left of a batch is told by the lease, also what has all of its resources again.
      const left = batch ? undefined : leftInPlace(lease, halfReplaced);
      const inPlace = left !== undefined && (node === undefined || left === node) ? [left] : [];
      const done = [...inPlace, ...(batch ? openNodes(batch).map((one) => one.node) : [])];
      const open = (node === undefined ? halfReplaced : [node]).filter((name) => !done.includes(name));
      if (batch === undefined && open.length + inPlace.length === 0)
        session.log.emit({ type: 'progress', node: undefined, message: 'nothing to abort' });
      for (const name of inPlace) await putBackInPlace(context, name);
      for (const name of open) await abortNode(context, name);
      await letGo(context, await stackConfig(stack), 'aborted');
      return ExitCode.ok;
    },
  );
}
