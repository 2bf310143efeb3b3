import { randomUUID } from 'node:crypto';
import type { Boot, Outcome } from './boot.js';
import type { InstalledSystem } from './disk.js';
import type { Stage } from './status.js';
import { isAbort } from './waiting.js';

/**
 * A client that tracks an action subscribes to events and starts the action in no fixed order: events that came before
 * its subscription would be lost to it (milliseconds).
 */
const BEFORE_FIRST_EVENT = 300;

interface Phase {
  name: string;
  task: string;
  work?: () => Promise<void> | void;
}

interface Sequence {
  name: 'reboot' | 'shutdown' | 'reset' | 'upgrade' | 'stageUpgrade';
  stage: Stage;
  phases: Phase[];
  outcome: Outcome;
}

export interface ResetOrder {
  graceful: boolean;
  reboot: boolean;
  /** Partition labels, or the whole system disk, or nothing of it. */
  wipe: readonly string[] | 'everything';
  /** Empties the user disks asked for. */
  wipeUserDisks: () => void;
}

/** Reboots; `force` gives nothing the time to stop. @returns the actor id that the events carry. */
export function reboot(boot: Boot, { force }: { force: boolean }): string {
  const phases = force ? [] : [...podPhases('stopAllPods'), ...stopPhases(boot)];
  return start(boot, { name: 'reboot', stage: 'rebooting', phases: [...phases, REBOOT], outcome: 'reboot' });
}

/** Powers the VM off. etcd keeps the member. */
export function shutdown(boot: Boot): string {
  return start(boot, shutdownSequence(boot, 'halt'));
}

/** The hypervisor asked: resolves when it may take the power away. */
export async function shutdownFromOutside(boot: Boot): Promise<void> {
  await run(boot, shutdownSequence(boot, 'off'), '');
}

/** Wipes what the order names, then reboots or powers off. Graceful: a control plane leaves etcd first, or stays. */
export function reset(boot: Boot, order: ResetOrder): string {
  const leave = { name: 'leave', task: 'leaveEtcd', work: () => leaveEtcd(boot) };
  const phases = [
    ...podPhases(order.graceful ? 'removeAllPods' : 'stopAllPods'),
    ...(order.graceful && boot.configuration?.role === 'controlplane' ? [leave] : []),
    { name: 'preReset', task: 'sendResetSignal' },
    ...stopPhases(boot),
    { name: 'reset', task: 'resetSystemDisk', work: () => wipe(boot, order) },
    order.reboot ? REBOOT : HALT,
  ];
  return start(boot, { name: 'reset', stage: 'resetting', phases, outcome: order.reboot ? 'reboot' : 'halt' });
}

/** The old upgrade: stops everything, installs, reboots. */
export function upgrade(boot: Boot, system: InstalledSystem): string {
  const { clock, durations } = boot.fleet.world;
  const install = async (): Promise<void> => {
    await clock.delay(durations.install, boot.signal);
    boot.disk.install(system);
  };
  const phases = [
    ...podPhases('stopAllPods'),
    { name: 'stopServices', task: 'stopServicesForUpgrade', work: () => boot.node.stop() },
    { name: 'upgrade', task: 'upgrade', work: install },
    { name: 'stopEverything', task: 'stopAllServices', work: () => boot.services.stopAll() },
    REBOOT,
  ];
  return start(boot, { name: 'upgrade', stage: 'upgrading', phases, outcome: 'reboot' });
}

/** Reboots; the next boot installs the image before it starts anything. */
export function stagedUpgrade(boot: Boot, image: string): string {
  boot.disk.stagedUpgrade = image;
  const phases = [...podPhases('stopAllPods'), ...stopPhases(boot), REBOOT];
  return start(boot, { name: 'stageUpgrade', stage: 'upgrading', phases, outcome: 'reboot' });
}

const REBOOT: Phase = { name: 'reboot', task: 'reboot' };
const HALT: Phase = { name: 'shutdown', task: 'shutdown' };

function podPhases(task: 'stopAllPods' | 'removeAllPods'): Phase[] {
  return [
    { name: 'cleanup', task },
    { name: 'dbus', task: 'stopDBus' },
  ];
}

function stopPhases(boot: Boot): Phase[] {
  return [
    { name: 'stopServices', task: 'stopServicesForUpgrade', work: () => boot.node.stop() },
    { name: 'umount', task: 'unmountPodMounts' },
    { name: 'unmountSystem', task: 'unmountEphemeralPartition' },
    { name: 'stopEverything', task: 'stopAllServices', work: () => boot.services.stopAll() },
  ];
}

function shutdownSequence(boot: Boot, outcome: 'halt' | 'off'): Sequence {
  const phases = [...podPhases('stopAllPods'), ...stopPhases(boot), HALT];
  return { name: 'shutdown', stage: 'shutting down', phases, outcome };
}

function start(boot: Boot, sequence: Sequence): string {
  const actorId = randomUUID();
  const { clock } = boot.fleet.world;
  clock
    .delay(BEFORE_FIRST_EVENT, boot.signal)
    .then(() => run(boot, sequence, actorId))
    .catch((error: unknown) => boot.fleet.failed(`talos ${boot.guest.node}`, error));
  return actorId;
}

/** One sequence at a time: another one is told so and does nothing. */
async function run(boot: Boot, sequence: Sequence, actorId: string): Promise<void> {
  const { name, stage, outcome } = sequence;
  const noop = (code: string, message: string): void =>
    boot.log.publish('SequenceEvent', { sequence: name, action: 'NOOP', error: { code, message } }, actorId);
  if (!boot.beginSequence()) return noop('LOCKED', 'sequence not started: locked');
  const before = boot.stage;
  boot.log.publish('SequenceEvent', { sequence: name, action: 'START' }, actorId);
  boot.setStage(stage);
  try {
    for (const phase of sequence.phases) await runPhase(boot, phase, actorId);
  } catch (error) {
    if (isAbort(error)) throw error;
    noop('FATAL', `sequence failed: ${(error as Error).message}`);
    boot.endSequence();
    return boot.setStage(before);
  }
  boot.log.publish('SequenceEvent', { sequence: name, action: 'STOP' }, actorId);
  boot.finish(outcome);
}

async function runPhase(boot: Boot, { name, task, work }: Phase, actorId: string): Promise<void> {
  boot.log.publish('PhaseEvent', { phase: name, action: 'START' }, actorId);
  boot.log.publish('TaskEvent', { task, action: 'START' }, actorId);
  await work?.();
  boot.signal.throwIfAborted();
  boot.log.publish('TaskEvent', { task, action: 'STOP' }, actorId);
  boot.log.publish('PhaseEvent', { phase: name, action: 'STOP' }, actorId);
}

async function leaveEtcd(boot: Boot): Promise<void> {
  try {
    if (boot.disk.etcd && boot.etcd) await boot.etcd.leave(boot.signal);
  } catch (error) {
    throw new Error(`error running phase leave: task 1/1: failed, ${(error as Error).message}`);
  }
}

function wipe(boot: Boot, { wipe: labels, wipeUserDisks }: ResetOrder): void {
  if (labels === 'everything' || labels.includes('EPHEMERAL')) boot.etcd?.dropData();
  boot.disk.wipe(labels);
  wipeUserDisks();
}
