import { ForeignVmError, isUnconfigured, realClock, removeHalfMadeVm, vmExists } from '@prox-ops/operations';
import type { Stack } from '@pulumi/pulumi/automation';
import { proxmoxToken } from './access';
import { stackFreed, withLock } from './engine';
import { CommandError, ExitCode } from './exit';
import type { RunLog } from './runLog';
import { readState, VM_TYPE, type PendingOperation, type StackState, type StateResource } from './state';
import { stackConfig } from './stackFile';
import { importState } from './pulumiCli';

interface ReconcileOptions {
  stack: Stack;
  log: RunLog;
  signal?: AbortSignal;
}

/**
 * Makes the state and the world agree after an interrupted run, before anything else is done: pending operations of a
 * killed engine are settled against what is really there. Waits first for a run that holds the stack; the lock of a dead
 * owner is cleared.
 * @throws CommandError when what is found is not provably ours.
 */
export async function reconcile({ stack, log, signal }: ReconcileOptions): Promise<void> {
  const say = (what: string) => {
    log.emit({ type: 'run.reconciled', what });
  };
  // Before anything is read: what another run is about to change is nothing to plan on.
  await stackFreed(stack, say, signal);
  const state = await readState(stack, ExitCode.blocked);
  const pending = state.pendingOperations();
  for (const operation of pending) await settle(stack, state, operation, say);
  let changed = 0;
  for (const vm of state.failedVms()) if (await settleUnconfigured(stack, state, vm, say)) changed += 1;
  for (const vm of state.unguardedVms()) if (await settleVanished(stack, state, vm, say)) changed += 1;
  // Side by side: a host that is silent is waited for once, and not once a template.
  const gone = state.templates().map((vm) => settleVanished(stack, state, vm, say).catch(nothingKnown));
  changed += (await Promise.all(gone)).filter(Boolean).length;
  if (pending.length === 0 && changed === 0) return;
  await withLock(stack, say, async () => {
    await importState(stack, { ...state.withoutPending(), version: state.version });
  });
  if (pending.length > 0) say(`settled ${pending.length} operation(s) that a killed run had not finished`);
}

async function settle(
  stack: Stack,
  state: StackState,
  operation: PendingOperation,
  say: (what: string) => void,
): Promise<void> {
  if (operation.resource.type !== VM_TYPE) return;
  const { urn, inputs = {} } = operation.resource;
  if (operation.type === 'creating') await settleCreating(state, operation, await accessTo(stack, inputs), say);
  if (operation.type === 'deleting') await settleVanished(stack, state, { urn, inputs }, say);
}

/**
 * A pending 'creating' proves nothing alone: the engine writes one even for a VM that was never reached while the old
 * one still runs under the same id. Only when the state says that the old one is deleted is the VM a half-made one.
 */
async function settleCreating(
  state: StackState,
  operation: PendingOperation,
  vm: Parameters<typeof removeHalfMadeVm>[0],
  say: (what: string) => void,
): Promise<void> {
  if (state.isThere(operation.resource.urn)) return;
  try {
    say(await removeHalfMadeVm(vm, realClock));
  } catch (error) {
    if (error instanceof ForeignVmError) throw new CommandError(error.message, ExitCode.blocked);
    throw error;
  }
}

/**
 * A clone that was made and never configured stands in the state as a VM with an error: the engine would go on with it in
 * place, and its node could neither be replaced nor put back, because it is not the machine that was planned.
 * @returns whether it was removed.
 */
async function settleUnconfigured(
  stack: Stack,
  state: StackState,
  { urn, inputs }: StateResource,
  say: (what: string) => void,
): Promise<boolean> {
  const uuid = (inputs.smbios as { uuid?: unknown } | undefined)?.uuid;
  if (typeof uuid !== 'string') return false;
  const vm = { ...(await accessTo(stack, inputs)), uuid };
  if (!(await isUnconfigured(vm))) return false;
  say(await removeHalfMadeVm(vm, realClock));
  state.markDeleted(urn);
  return true;
}

/**
 * A run that was killed, or that Proxmox stopped answering, in the middle of a VM's delete has left it to Proxmox, which
 * may have ended it. The provider fails to delete a VM that is gone, each time: the state has to know how far it came.
 * @returns whether it is gone. @throws CommandError when Proxmox does not answer, which proves nothing.
 */
async function settleVanished(
  stack: Stack,
  state: StackState,
  { urn, inputs }: Pick<StateResource, 'urn' | 'inputs'>,
  say: (what: string) => void,
): Promise<boolean> {
  const vm = await accessTo(stack, inputs);
  const there = await vmExists(vm).catch((error: unknown) => {
    const expected = `VM ${vm.vmId} (${vm.name}): expected to learn from Proxmox whether it is there`;
    const found = error instanceof Error ? error.message : String(error);
    throw new CommandError(`${expected}, found: ${found}. Nothing was changed.`, ExitCode.blocked);
  });
  if (there) return false;
  state.markDeleted(urn);
  say(`VM ${vm.vmId} (${vm.name}) is gone already: its delete had been done`);
  return true;
}

/** A host that is offline keeps its templates, and stands in the way of no node elsewhere. */
function nothingKnown(error: unknown): false {
  if (!(error instanceof CommandError)) throw error;
  return false;
}

async function accessTo(stack: Stack, inputs: Record<string, unknown>) {
  return { ...(await proxmoxAccess(stack)), vmId: Number(inputs.vmId), name: String(inputs.name) };
}

async function proxmoxAccess(stack: Stack): Promise<{ endpoint: string; token: string }> {
  const { endpoint } = (await stackConfig(stack)).proxmox;
  return { endpoint, token: await proxmoxToken(stack) };
}
