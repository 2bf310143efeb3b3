import type { Stack } from '@pulumi/pulumi/automation';
import { planCluster } from '../../config/plan';
import type { StackConfig } from '../../config/schema';
import type { Deployment } from '../adopt/deployment';
import { splitUrn, type Change } from '../changes';
import { update } from '../engine';
import { CommandError, ExitCode } from '../exit';
import { planRoll, type RollPlan } from '../plan';
import { importState } from '../pulumiCli';
import { decryptedOutputs, forgetOutputs } from '../runSecrets';
import { runEnvironment } from '../rollUpdate';
import type { Session } from '../session';
import { differences } from './bundle';
import { mustBeSame } from './copy';
import { heldSecrets, withTokenSince, type HeldSecrets } from './held';
import { newCredentials } from './newCredentials';
import { setToken, type TokenChange } from './proxmoxToken';
import { credentialsIn, talosClient, withCredentials } from './stateCredentials';

export interface Rotation {
  stack: Stack;
  config: StackConfig;
  held: HeldSecrets;
  /** Absent: the Proxmox token stays. */
  token: TokenChange | undefined;
}

/**
 * Whether an earlier rotation was cut off: the state has newer credentials than it hands out. Then the rest of it is an
 * update of the stack.
 */
export async function isCutOff(stack: Stack): Promise<boolean> {
  const { talosconfig, kubeconfig } = await decryptedOutputs(stack);
  const state: Deployment = await stack.exportStack();
  const held = credentialsIn(state.deployment.resources ?? []);
  const out = [talosClient(String(talosconfig?.value)).clientCertificate, kubeconfig?.value as unknown];
  return out[0] !== held.clientCertificate || out[1] !== held.kubeconfig;
}

/** @throws CommandError where the stack has other changes waiting: a rotation applies none of them on the side. */
export async function mustBeSettled(stack: Stack, cutOff: boolean): Promise<void> {
  const plan = await planRoll(stack);
  const waiting = cutOff ? notInPlace(plan) : [...notInPlace(plan), ...[...plan.prepare, ...plan.inPlace].map(named)];
  if (waiting.length === 0) return;
  throw new CommandError(
    `Expected a stack without changes that wait, found ${listed(waiting)}. Nothing was changed. ` +
      'First: prox-ops plan, then prox-ops roll or prox-ops up',
    ExitCode.blocked,
  );
}

/**
 * New client credentials: made and proved, put into the state as the provider itself would, and then handed to everything
 * that has them by an update that changes nothing but them. Safe to repeat: cut off, it goes on with the update.
 * @throws CommandError; before the update, everything is as it was.
 */
export async function rotate(rotation: Rotation, cutOff: boolean, session: Session): Promise<void> {
  const { stack, config, held, token } = rotation;
  const say = (what: string): void => {
    session.log.emit({ type: 'progress', message: what });
  };
  if (cutOff) say('an earlier rotation was cut off: it is finished');
  const before = cutOff ? undefined : await putIntoState(rotation, say);
  if (token && token.from !== token.to) await setToken(stack, token.to);
  try {
    refuseMore(await planRoll(stack));
  } catch (error) {
    if (token && token.from !== token.to) await setToken(stack, token.from);
    if (before) await importState(stack, before);
    throw error;
  }
  // The engine calls a provider the same that has another secret, and with that as old as before.
  if (token && token.from !== token.to) await importState(stack, withTokenSince(await stack.exportStack(), new Date()));
  await handOn(stack, session);
  forgetOutputs(stack);
  const after = await heldSecrets(stack);
  if (!after) throw new CommandError('Expected the Talos secrets in the state after the rotation, found none.');
  mustBeSame("the stack's state", after.bundle, held.bundle);
  if (await isCutOff(stack))
    throw new CommandError(
      'Expected the new credentials among the outputs, found the old ones. Again: prox-ops secrets rotate',
    );
  say(`rotated for cluster ${config.cluster.name}: the outputs kubeconfig and talosconfig are the new ones`);
}

/** @throws CommandError; the former credentials work on, and the same command hands the new ones to whatever is left. */
async function handOn(stack: Stack, session: Session): Promise<void> {
  const options = { environment: runEnvironment(session), signal: session.signal, message: 'prox-ops secrets rotate' };
  try {
    await update(stack, options, reconciled(session));
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    const next = 'The former credentials work on. Go on with: prox-ops secrets rotate';
    throw new CommandError(`${error.message}\n${next}`, error.exitCode);
  }
}

/** @returns the state as it was. */
async function putIntoState({ stack, config, held }: Rotation, say: (what: string) => void): Promise<Deployment> {
  const addresses = planCluster(config).controlPlanes.map(({ address }) => address);
  const credentials = await newCredentials(held.bundle, addresses);
  say('new client certificates made and proved: a control plane and the Kubernetes API answer them');
  const state: Deployment = await stack.exportStack();
  const changed = withCredentials(state, credentials);
  mustKeepTheRest(state, changed);
  await importState(stack, changed);
  say('they are in the state: now everything that has the former ones gets them');
  return state;
}

/** Nothing of the cluster's identity is in what was changed. */
function mustKeepTheRest(before: Deployment, after: Deployment): void {
  const wrong = differences(before, after).filter(
    (path) => !/\.outputs\.(clientConfiguration|kubeconfigRaw|kubernetesClientConfiguration)\b/.test(path),
  );
  if (wrong.length > 0) throw new CommandError(`Expected to change client credentials alone, found ${listed(wrong)}.`);
}

function reconciled({ log }: Session): (what: string) => void {
  return (what) => {
    log.emit({ type: 'run.reconciled', what });
  };
}

/** An update that hands credentials on replaces, makes and deletes nothing. */
function refuseMore(plan: RollPlan): void {
  const more = notInPlace(plan);
  if (more.length === 0) return;
  throw new CommandError(
    `Expected an update in place alone, found ${listed(more)}. Everything is as it was.`,
    ExitCode.blocked,
  );
}

function notInPlace({ nodes, prepare, inPlace }: RollPlan): string[] {
  const more = [...prepare, ...inPlace].filter(({ ops }) => ops.some((op) => op !== 'update' && op !== 'same'));
  return [...nodes.map(({ name, action }) => `${action} ${name}`), ...more.map(named)];
}

function named({ urn, ops }: Change): string {
  return `${ops.join(', ')} ${splitUrn(urn).name}`;
}

function listed(items: string[]): string {
  return items.slice(0, 5).join('; ') + (items.length > 5 ? ` and ${items.length - 5} more` : '');
}
