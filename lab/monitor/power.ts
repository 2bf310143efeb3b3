import type { Recorded } from '../world/events.js';

/** A VM loses its power, or is about to. */
export interface PowerEvent {
  name: string;
  vmid: number;
  generation: number;
  how: 'asked to stop' | 'stopped' | 'deleted';
}

/** The event as a loss of power; undefined for every other event. A reset keeps the VM running. */
export function powerLoss(event: Recorded): PowerEvent | undefined {
  switch (event.type) {
    case 'vm.stop-requested':
      return event.how === 'reset' ? undefined : { ...vmOf(event), how: 'asked to stop' };
    case 'vm.stopped':
      return { ...vmOf(event), how: 'stopped' };
    case 'vm.deleted':
      return event.template ? undefined : { ...vmOf(event), how: 'deleted' };
    default:
      return undefined;
  }
}

function vmOf({ name, vmid, generation }: { name: string; vmid: number; generation: number }) {
  return { name, vmid, generation };
}
