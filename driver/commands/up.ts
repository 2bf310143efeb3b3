import { packsFor, type PolicyOptions } from '../check/packs';
import { update } from '../engine';
import { CommandError, ExitCode } from '../exit';
import { runEnvironment } from '../rollUpdate';
import { planRoll, type PlannedNode, type RollPlan } from '../plan';
import { openStack } from '../project';
import { RecordFile } from '../rebuild/record';
import { reconcile } from '../reconcile';
import { inSession, type Session } from '../session';
import { readState } from '../state';
import { projectFrom, type RunOptions } from './options';
import type { EngineEvent } from '@pulumi/pulumi/automation';
import { splitUrn } from '../changes';

export type UpCommandOptions = RunOptions & PolicyOptions;

/** `prox-ops up`: builds the cluster, or applies whatever replaces no node. */
export async function upCommand(options: UpCommandOptions): Promise<ExitCode> {
  const project = projectFrom(options);
  const stack = await openStack(project, true);
  return inSession({ project, stack, command: 'up', options }, async (session) => {
    const policyPacks = packsFor(options, session.log);
    refuseEmptyEtcd(new RecordFile(project.directory, stack.name).pendingSnapshot());
    await reconcile({ stack, ...session });
    // Before its bootstrap there is no cluster: a first build that stopped half way goes on, and nothing is replaced.
    if ((await readState(stack)).isBootstrapped())
      refuseReplacements(await planRoll(stack, runEnvironment(session), policyPacks));
    await update(
      stack,
      {
        environment: runEnvironment(session),
        onEvent: (event) => {
          told(session, event);
        },
        signal: session.signal,
        message: 'prox-ops up',
        policyPacks,
      },
      (what) => {
        session.log.emit({ type: 'run.reconciled', what });
      },
    );
    return ExitCode.ok;
  });
}

/** An unfinished rebuild is about to begin etcd from a snapshot: an update would begin it empty. */
function refuseEmptyEtcd(snapshot: string | undefined): void {
  if (snapshot === undefined) return;
  throw new CommandError(
    `A rebuild that begins etcd from ${snapshot} is not finished. Nothing was changed. Go on with: ` +
      `prox-ops rebuild --snapshot ${snapshot}`,
    ExitCode.blocked,
  );
}

/** A node is replaced, and gets another Kubernetes, in its turn, never as a side effect of an update. */
function refuseReplacements(plan: RollPlan): void {
  const named = (...actions: PlannedNode['action'][]) =>
    plan.nodes.filter(({ action }) => actions.includes(action)).map(({ name }) => name);
  const [replaced, updated] = [named('replace', 'finish'), named('kubernetes')];
  const what = [
    ...(replaced.length > 0 ? [`replace ${replaced.length} node(s): ${replaced.join(', ')}`] : []),
    ...(updated.length > 0 ? [`change Kubernetes of ${updated.length} node(s): ${updated.join(', ')}`] : []),
  ];
  if (what.length === 0) return;
  throw new CommandError(
    `This update would ${what.join('; ')}. Nothing was changed. Do it one by one with: prox-ops roll`,
    ExitCode.blocked,
  );
}

/** Progress of a build: each resource that is done. */
function told(session: Session, event: EngineEvent): void {
  const step = event.resOutputsEvent?.metadata;
  if (!step || step.op === 'same' || step.op === 'read') return;
  const { type, name } = splitUrn(step.urn);
  session.log.emit({
    type: 'progress',
    node: undefined,
    message: `${step.op} ${type.split(':').at(-1) ?? ''} ${name}`,
  });
}
