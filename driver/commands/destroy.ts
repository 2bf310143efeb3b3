import { join, resolve } from 'node:path';
import type { Stack } from '@pulumi/pulumi/automation';
import { planCluster } from '../../config/plan';
import type { StackConfig } from '../../config/schema';
import { clusterAccess } from '../access';
import { confirmed } from '../ask';
import { splitUrn } from '../changes';
import { forgetSecrets, secretsAreToGo } from '../destroy/forget';
import { checkExisting, keepCopy } from '../destroy/keep';
import { lastSnapshot, survey, type Sight } from '../destroy/survey';
import { lookAhead, runNodes, tearDown } from '../destroy/tearDown';
import { planText } from '../destroy/view';
import { stackFreed } from '../engine';
import { CommandError, ExitCode } from '../exit';
import { openStack, type Project } from '../project';
import { RecordFile } from '../rebuild/record';
import { inSession, type Session } from '../session';
import { stackConfig } from '../stackFile';
import { fingerprint } from '../talosSecrets/bundle';
import { mustBeSame } from '../talosSecrets/copy';
import { heldSecrets, type HeldSecrets } from '../talosSecrets/held';
import { projectFrom, type RunOptions } from './options';

export interface DestroyCommandOptions extends RunOptions {
  yes?: boolean;
  /** File for the copy of the Talos secrets. */
  secretsCopy?: string;
  recipient?: string[];
  /** The cluster's name, typed once more. */
  loseSecrets?: string;
}

/** `prox-ops destroy`: takes the whole cluster down and keeps what it can be built from again. */
export async function destroyCommand(options: DestroyCommandOptions): Promise<ExitCode> {
  const project = projectFrom(options);
  const stack = await openStack(project);
  const config = await stackConfig(stack);
  const { name } = config.cluster;
  const secretsGo = secretsAreToGo(process.env, name, options.loseSecrets);
  const held = await heldSecrets(stack);
  if (options.secretsCopy !== undefined && options.recipient === undefined && !secretsGo)
    await checkExisting(held, resolve(options.secretsCopy));
  const ahead = await lookAhead(stack, config);
  const sights = await surveyOf(stack, config);
  const { machines, scope } = ahead;
  const plan = { cluster: name, machines, goes: scope.goes.length, stays: scope.stays, sights, secretsGo };
  (options.json === true ? process.stderr : process.stdout).write(`${planText(plan)}\n`);
  if (scope.goes.length === 0 && scope.stays.every(({ why }) => why === 'the Talos secrets') && !secretsGo) {
    new RecordFile(project.directory, stack.name).tornDown();
    process.stdout.write(options.json === true ? '' : 'Nothing to destroy.\n');
    return ExitCode.ok;
  }
  if (!(await confirmed(`Destroy cluster ${name}?`, name, options.yes === true))) return ExitCode.interrupted;
  return inSession({ project, stack, command: 'destroy', options }, (session) =>
    torn({ project, stack, config, session, held, secretsGo, options }),
  );
}

interface Run {
  project: Project;
  stack: Stack;
  config: StackConfig;
  session: Session;
  held: HeldSecrets | undefined;
  secretsGo: boolean;
  options: DestroyCommandOptions;
}

async function torn({ project, stack, config, session, held, secretsGo, options }: Run): Promise<ExitCode> {
  const { log, runId, holder } = session;
  const { name } = config.cluster;
  const say = (message: string) => {
    log.emit({ type: 'progress', message });
  };
  const told = (what: string) => {
    log.emit({ type: 'run.reconciled', what });
  };
  await stackFreed(stack, told, session.signal);
  // Before the first VM goes: a copy that could not be read back stops everything here.
  if (held && !secretsGo) {
    const { secretsCopy, recipient: recipients = [] } = options;
    const file = secretsCopy === undefined ? {} : { file: resolve(secretsCopy) };
    const copy = await keepCopy(held, { project: project.directory, cluster: name, runId, recipients, ...file });
    say(`Talos secrets (OS authority ${fingerprint(held.bundle)}): a copy is in ${copy}, read back and compared`);
  }
  const snapshot = await snapshotOf(stack, config, project);
  if (snapshot.seen) say(snapshot.found);
  else log.emit({ type: 'notice', subject: snapshot.source, message: `no last snapshot, skipped: ${snapshot.found}` });
  log.emit({ type: 'run.started', runId, command: 'destroy', stack: stack.name, holder, nodes: runNodes(config) });
  new RecordFile(project.directory, stack.name).tornDown();
  const { scope, silent } = await tearDown(stack, config, session);
  const left = scope.stays.filter(({ why }) => why !== 'the Talos secrets');
  for (const { urn, why } of left)
    log.emit({ type: 'notice', subject: splitUrn(urn).name, message: `skipped: ${why}` });
  if (left.length > 0) return openEnd(left.length, silent);
  if (secretsGo) await forgetSecrets(stack, told);
  else if (held) await mustHaveStayed(stack, held);
  return ExitCode.ok;
}

/** @throws CommandError: what is left would come back beside a rebuilt cluster. */
function openEnd(count: number, silent: string[]): never {
  const hosts = silent.length > 0 ? ` Hosts that do not answer: ${silent.join(', ')}.` : '';
  throw new CommandError(
    `${count} resource(s) could not be destroyed and are still in the state.${hosts} A VM that comes back would join ` +
      'a rebuilt cluster as the node it was. Once that is mended: prox-ops destroy',
    ExitCode.open,
  );
}

async function mustHaveStayed(stack: Stack, held: HeldSecrets): Promise<void> {
  const after = await heldSecrets(stack);
  if (!after) throw new CommandError('Expected the Talos secrets in the state after the tear-down, found none.');
  mustBeSame("the stack's state", after.bundle, held.bundle);
}

/** A cluster that was never finished has no kubeconfig: there is nothing to ask. */
async function surveyOf(stack: Stack, config: StackConfig): Promise<Sight[]> {
  try {
    return await survey(await clusterAccess(stack, config));
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return [{ source: 'Kubernetes', seen: false, found: error.message }];
  }
}

async function snapshotOf(stack: Stack, config: StackConfig, { directory }: Project): Promise<Sight> {
  try {
    const access = await clusterAccess(stack, config);
    return await lastSnapshot(
      access,
      planCluster(config).controlPlanes,
      join(directory, config.rollout.snapshotDirectory),
    );
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return { source: 'etcd', seen: false, found: error.message };
  }
}
