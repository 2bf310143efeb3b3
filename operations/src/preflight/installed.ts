import { connect } from '../clients/session.js';
import type { Talos } from '../clients/talos.js';
import type { Extension } from '../clients/talosOutput.js';
import type { ClusterAccess } from '../contract.js';
import { messageOf } from '../runtime/errors.js';
import { realClock } from '../runtime/clock.js';

/** The schematic that each node runs, by node name, or why that is not known. */
export type Schematics = Record<string, { id: string } | { trouble: string }>;

/** The system extensions that each node runs, by node name, or why they are not known. */
export type Extensions = Record<string, { extensions: Extension[] } | { trouble: string }>;

/** Nodes asked at the same time: each question is a process of its own. */
const AT_ONCE = 4;

/** What Talos names the extension whose version is the schematic's id. */
const SCHEMATIC = 'schematic';

/** @param addresses machine API addresses by node name. */
export async function installedSchematics(
  access: ClusterAccess,
  addresses: Record<string, string>,
): Promise<Schematics> {
  const found = await installedExtensions(access, addresses);
  return Object.fromEntries(
    Object.entries(found).map(([name, answer]) => [name, 'trouble' in answer ? answer : schematicOf(answer)]),
  );
}

function schematicOf({ extensions }: { extensions: Extension[] }): Schematics[string] {
  const extension = extensions.find(({ name }) => name === SCHEMATIC);
  return extension ? { id: extension.version } : { trouble: 'the machine names none' };
}

/**
 * What Talos names: the extensions without their author, and besides them `schematic` and `modules.dep`.
 * @param addresses machine API addresses by node name.
 */
export async function installedExtensions(
  access: ClusterAccess,
  addresses: Record<string, string>,
): Promise<Extensions> {
  const { talos } = await connect(access, realClock);
  const found: Extensions = {};
  const left = Object.entries(addresses);
  const worker = async (): Promise<void> => {
    for (let next = left.shift(); next; next = left.shift()) found[next[0]] = await extensionsOf(talos, next[1]);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return found;
}

async function extensionsOf(talos: Talos, address: string): Promise<Extensions[string]> {
  try {
    return { extensions: await talos.extensions(address) };
  } catch (error) {
    return { trouble: messageOf(error) };
  }
}
