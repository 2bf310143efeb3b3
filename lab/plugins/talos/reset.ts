import { Deadline, pause } from '../protocol/timing.js';
import { isInMaintenance, withClient } from './machine-api.js';
import type { Machine, Target } from './machine-api.js';

interface EventMessage {
  data?: { type_url: string; value: Buffer };
  actor_id: string;
}

const PARTITIONS = ['STATE', 'EPHEMERAL'].map((label) => ({ label, wipe: true }));

/**
 * Wipes a machine's configuration and data and waits until it has stopped its services, or with `reboot` until it is
 * in maintenance mode. Not repeated: a node that is down fails it.
 */
export async function resetMachine(
  target: Target,
  options: { graceful: boolean; reboot: boolean },
  deadline: Deadline,
): Promise<void> {
  await withClient(target, deadline, async (machine, nodes) => {
    await nodes([target.node]).unary('machine', 'Version');
    const stopped = servicesStopped(machine, deadline);
    await machine.unary('machine', 'Reset', { ...options, system_partitions_to_wipe: PARTITIONS });
    if (!options.reboot) return stopped;
    stopped.catch(() => undefined);
    return untilMaintenance(target, deadline);
  });
}

/** Resolves with the task event that all services have stopped. */
function servicesStopped(machine: Machine, deadline: Deadline): Promise<void> {
  return new Promise((resolve, reject) => {
    const expiry = setTimeout(() => end(new Error('timeout while waiting for the machine to reset')), deadline.left);
    const stop = machine.follow<EventMessage>('machine', 'Events', { tail_events: 0 }, (event) => {
      if (isStopAllServices(event)) end();
    });
    const end = (error?: Error): void => {
      clearTimeout(expiry);
      stop();
      if (error) reject(error);
      else resolve();
    };
  });
}

/** The task's name is the event's first field; its bytes are text as they stand. */
function isStopAllServices(event: EventMessage): boolean {
  const { data } = event;
  return data?.type_url === 'talos/runtime/machine.TaskEvent' && data.value.includes('stopAllServices');
}

async function untilMaintenance(target: Target, deadline: Deadline): Promise<void> {
  while (!(await isInMaintenance(target, new Deadline(Math.min(5, deadline.left / 1000))))) {
    if (deadline.passed) throw new Error('timeout while waiting for the machine to come back in maintenance mode');
    await pause(1);
  }
}
