import type { Closers } from './closers.js';
import type { LabDirectory } from './directory.js';
import { realClock } from '../world/clock.js';
import { type Durations, FASTEST, REALISTIC } from '../world/durations.js';
import { EventLog } from '../world/events.js';
import { Faults } from '../world/faults.js';
import type { Inventory } from '../world/inventory.js';
import type { LabNetwork } from '../world/network.js';
import type { World } from '../world/world.js';

export interface WorldOptions {
  directory: LabDirectory;
  network: LabNetwork;
  inventory: Inventory;
  durations: 'fastest' | 'realistic' | Durations;
}

/** An empty world in real time, whose events are kept in the lab's directory. It ends with `closers`. */
export function makeWorld({ directory, network, inventory, durations }: WorldOptions, closers: Closers): World {
  const events = new EventLog(() => realClock.now(), directory.events);
  directory.write(directory.events, '');
  const faults = new Faults();
  faults.onChange(({ name, subject }, change) => events.emit({ type: 'fault', name, subject, change }));
  return {
    clock: realClock,
    durations: durationsOf(durations),
    events,
    faults,
    network,
    inventory,
    directory: directory.path,
    signal: closers.signal,
  };
}

function durationsOf(durations: 'fastest' | 'realistic' | Durations): Durations {
  if (durations === 'fastest') return FASTEST;
  return durations === 'realistic' ? REALISTIC : durations;
}
