import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Stack } from '@pulumi/pulumi/automation';
import { parseDocument, type Document } from 'yaml';
import type { Release, Slot, StackConfig } from '../config/schema';
import { ConfigError, validate } from '../config/validate';
import { CommandError } from './exit';

const NAMESPACE = 'prox-ops';

/** Reads and checks a stack file without the engine. @throws ConfigError with every problem, CommandError when unreadable. */
export async function readStackFile(path: string): Promise<StackConfig> {
  return checked(await parse(path), path);
}

/** The configuration of an opened stack. */
export async function stackConfig(stack: Stack): Promise<StackConfig> {
  return readStackFile(stackFileOf(stack));
}

export function stackFileOf(stack: Stack): string {
  return join(stack.workspace.workDir, `Pulumi.${stack.name}.yaml`);
}

async function parse(path: string): Promise<Document> {
  const document = parseDocument(await readFile(path, 'utf8'));
  const first = document.errors[0];
  if (first) throw new CommandError(`${path}: expected YAML, found: ${first.message}`);
  return document;
}

function checked(document: Document, path: string): StackConfig {
  const config = (document.toJS() as { config?: Record<string, unknown> } | null)?.config ?? {};
  const raw: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(config)) {
    const [namespace, name = ''] = key.split(':');
    if (namespace !== NAMESPACE) continue;
    if (name === 'proxmoxToken') continue;
    raw[name] = value;
  }
  try {
    return validate(raw);
  } catch (error) {
    if (error instanceof ConfigError) throw new CommandError(`${path}: ${error.message}`);
    throw error;
  }
}

/**
 * Puts a release into the inactive slot and makes that slot active, keeping comments and order. The slot in use stays
 * as it is, so that its templates stay bootable. Returns the slot.
 * @throws CommandError when the result would not be valid; the file is then unchanged.
 */
export async function setRelease(path: string, release: Partial<Release> & { talos: string }): Promise<string> {
  const document = await parse(path);
  const config = checked(document, path);
  const active = config.releases[config.releases.active];
  if (active?.talos === release.talos && (release.kubernetes ?? active.kubernetes) === active.kubernetes)
    return config.releases.active;
  const slot = config.releases.active === 'a' ? 'b' : 'a';
  const kubernetes = release.kubernetes ?? active?.kubernetes ?? '';
  const node = document.createNode({ talos: release.talos, kubernetes }, { flow: true });
  document.setIn(['config', `${NAMESPACE}:releases`, slot], node);
  document.setIn(['config', `${NAMESPACE}:releases`, 'active'], slot);
  // A node held back on this slot would silently get the new release as its old one.
  for (const [name, held] of Object.entries(config.nodes))
    if (held.release === slot) document.deleteIn(['config', `${NAMESPACE}:nodes`, name, 'release']);
  checked(document, path);
  await writeFile(path, document.toString({ lineWidth: 0 }));
  return slot;
}

/**
 * Holds one node on a slot, or, without one, lets it follow the active slot again. Comments and order are kept.
 * @throws CommandError when the result would not be valid; the file is then unchanged.
 */
export async function setNodeSlot(path: string, node: string, slot: Slot | undefined): Promise<void> {
  const document = await parse(path);
  const where = ['config', `${NAMESPACE}:nodes`, node, 'release'];
  if (slot === undefined) document.deleteIn(where);
  else document.setIn(where, slot);
  checked(document, path);
  await writeFile(path, document.toString({ lineWidth: 0 }));
}
