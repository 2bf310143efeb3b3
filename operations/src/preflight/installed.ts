import { connect } from '../clients/session.js';
import type { Talos } from '../clients/talos.js';
import type { ClusterAccess } from '../contract.js';
import { messageOf } from '../runtime/errors.js';
import { realClock } from '../runtime/clock.js';

/** The schematic that each node runs, by node name, or why that is not known. */
export type Schematics = Record<string, { id: string } | { trouble: string }>;

/** Nodes asked at the same time: each question is a process of its own. */
const AT_ONCE = 4;

/** @param addresses machine API addresses by node name. */
export async function installedSchematics(
  access: ClusterAccess,
  addresses: Record<string, string>,
): Promise<Schematics> {
  const { talos } = await connect(access, realClock);
  const found: Schematics = {};
  const left = Object.entries(addresses);
  const worker = async (): Promise<void> => {
    for (let next = left.shift(); next; next = left.shift()) found[next[0]] = await schematicOf(talos, next[1]);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return found;
}

async function schematicOf(talos: Talos, address: string): Promise<Schematics[string]> {
  try {
    const extension = (await talos.extensions(address)).find(({ name }) => name === 'schematic');
    return extension ? { id: extension.version } : { trouble: 'the machine names none' };
  } catch (error) {
    return { trouble: messageOf(error) };
  }
}
