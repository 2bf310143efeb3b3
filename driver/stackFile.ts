import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Stack } from '@pulumi/pulumi/automation';
import type { Document } from 'yaml';
import { SETTINGS, withSettings } from '../config/overrides';
import { ConfigError, counted } from '../config/problem';
import type { Release, Slot, StackConfig } from '../config/schema';
import { CommandError } from './exit';
import { checkStackText, type CheckedStack, type FileProblem } from './stackDocument';

/** Reads and checks a stack file without the engine. @throws CommandError with every problem, or when unreadable. */
export async function readStackFile(path: string): Promise<StackConfig> {
  return valid(await checkStackFile(path), path);
}

/** Reads and checks a stack file. @throws CommandError when it cannot be read, and for nothing that is in it. */
export async function checkStackFile(path: string): Promise<CheckedStack> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new CommandError(`${path}: expected a stack file, found ${(error as NodeJS.ErrnoException).code}`);
  }
  return checkStackText(text);
}

/** The configuration of an opened stack, with the settings of this run. @throws CommandError with every problem. */
export async function stackConfig(stack: Stack): Promise<StackConfig> {
  const config = await readStackFile(stackFileOf(stack));
  try {
    return withSettings(config, process.env[SETTINGS]);
  } catch (error) {
    if (error instanceof ConfigError) throw new CommandError(`--set: ${error.message}`);
    throw error;
  }
}

export function stackFileOf(stack: Stack): string {
  return join(stack.workspace.workDir, `Pulumi.${stack.name}.yaml`);
}

function valid({ config, problems }: CheckedStack, path: string): StackConfig {
  if (!config || problems.length > 0) throw new CommandError(`${path}: ${problemText(problems)}`);
  return config;
}

/** `2 problems:` and a line for each. */
export function problemText(problems: FileProblem[]): string {
  const lines = problems.map(({ line, path, expected, found }) => {
    const where = [line === undefined ? '' : `line ${line}`, path].filter((part) => part !== '').join(', ');
    return `  ${where}: expected ${expected}, found ${found}`;
  });
  return [`${counted(problems.length, 'problem')}:`, ...lines].join('\n');
}

/**
 * Puts a release into the inactive slot and makes that slot active, keeping comments and order. The slot in use stays
 * as it is, so that its templates stay bootable. Returns the slot.
 * @throws CommandError when the result would not be valid; the file is then unchanged.
 */
export async function setRelease(path: string, release: Partial<Release> & { talos: string }): Promise<string> {
  const checked = await checkStackFile(path);
  const { document } = checked;
  const config = valid(checked, path);
  const active = config.releases[config.releases.active];
  if (active?.talos === release.talos && (release.kubernetes ?? active.kubernetes) === active.kubernetes)
    return config.releases.active;
  const slot = config.releases.active === 'a' ? 'b' : 'a';
  const kubernetes = release.kubernetes ?? active?.kubernetes ?? '';
  const node = document.createNode({ talos: release.talos, kubernetes }, { flow: true });
  document.setIn(['config', 'prox-ops:releases', slot], node);
  document.setIn(['config', 'prox-ops:releases', 'active'], slot);
  // A node held back on this slot would silently get the new release as its old one.
  for (const [name, held] of Object.entries(config.nodes))
    if (held.release === slot) document.deleteIn(['config', 'prox-ops:nodes', name, 'release']);
  await writeWhenValid(path, document);
  return slot;
}

/**
 * Holds one node on a slot, or, without one, lets it follow the active slot again. Comments and order are kept.
 * @throws CommandError when the result would not be valid; the file is then unchanged.
 */
export async function setNodeSlot(path: string, node: string, slot: Slot | undefined): Promise<void> {
  const { document } = await checkStackFile(path);
  const where = ['config', 'prox-ops:nodes', node, 'release'];
  if (slot === undefined) document.deleteIn(where);
  else document.setIn(where, slot);
  await writeWhenValid(path, document);
}

/** What was found of an adopted node is no more: it went with its VM. Comments and order are kept. */
export async function forgetAdopted(path: string, node: string): Promise<void> {
  const { document } = await checkStackFile(path);
  const entry = ['config', 'prox-ops:adopted', 'nodes', node];
  if (!document.hasIn(entry)) return;
  document.deleteIn(entry);
  await writeWhenValid(path, document);
}

async function writeWhenValid(path: string, document: Document): Promise<void> {
  const text = document.toString({ lineWidth: 0 });
  valid(checkStackText(text), path);
  await writeFile(path, text);
}
