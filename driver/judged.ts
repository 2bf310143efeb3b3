import { UNKNOWN } from '@prox-ops/operations';
import type { Stack } from '@pulumi/pulumi/automation';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Change } from './changes';
import { OWN_PACK } from './check/packs';
import { VM_TYPE } from './state';

/** What says what the cluster is to be, beside the stack's own files. Relative to the checkout. */
const PROGRAM = ['index.ts', 'components', 'config', 'lifecycle', 'policies', 'operations/dist', 'package-lock.json'];

/**
 * A digest of the program and of the stack's files: the same as when a plan was made means that the plan's preview,
 * which every policy has judged, still says what a node's update will do. The program's files count by name, size and
 * time of their last change; the stack's by their text.
 */
export function descriptionDigest(stack: Stack): string {
  const hash = createHash('sha256');
  const checkout = dirname(OWN_PACK);
  for (const path of PROGRAM) addTree(hash, join(checkout, path));
  const directory = stack.workspace.workDir;
  for (const file of ['Pulumi.yaml', `Pulumi.${stack.name}.yaml`, `Pulumi.${stack.name}.policies.json`])
    hash.update(`${file}\0${textOf(join(directory, file))}\0`);
  return hash.digest('hex');
}

/** Whether the preview knew all that the node's VM will be made of: a policy lets pass what it cannot know yet. */
export function isKnown(resources: Change[]): boolean {
  return resources.every(({ type, after }) => type !== VM_TYPE || !JSON.stringify(after ?? {}).includes(UNKNOWN));
}

function addTree(hash: ReturnType<typeof createHash>, path: string): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) return;
  if (found.isDirectory()) for (const name of readdirSync(path).sort()) addTree(hash, join(path, name));
  else hash.update(`${path}\0${found.size}\0${found.mtimeMs}\0`);
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
