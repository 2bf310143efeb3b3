import type { FluxObject } from '@prox-ops/operations';
import Table from 'cli-table3';

const SUSPENDED = 'suspended';

/** ready, suspended, or what it waits for. */
function stateOf({ ready, suspended, message }: FluxObject): string {
  if (suspended) return SUSPENDED;
  return ready ? 'ready' : message;
}

function waits({ ready, suspended }: FluxObject): boolean {
  return !ready && !suspended;
}

/** How many are ready, and what the others wait for: one line for a log. */
export function fluxLine(objects: readonly FluxObject[]): string {
  const ready = objects.filter((object) => object.ready && !object.suspended).length;
  const suspended = objects.filter((object) => object.suspended).length;
  const waiting = objects.filter(waits).map((object) => `${object.kind} ${object.name}: ${object.message}`);
  const still = suspended > 0 ? `, ${suspended} suspended` : '';
  return [`Flux: ${ready} of ${objects.length} ready${still}`, ...waiting].join('; ');
}

/** One row an object, those that are not ready first: they are what somebody waits for. */
export function fluxTable(objects: readonly FluxObject[]): string {
  const table = new Table({ head: ['Flux', 'name', 'state'], style: { head: [], border: [], compact: true } });
  const rows = [...objects.filter(waits), ...objects.filter((object) => !waits(object))];
  for (const object of rows) table.push([object.kind, object.name, stateOf(object)]);
  return table.toString();
}
