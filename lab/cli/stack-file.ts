import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseDocument } from 'yaml';
import { EXIT, LabError } from '../daemon/errors.js';

const CANDIDATES = ['Pulumi.lab.yaml', 'Pulumi.prod.yaml'];
const NODES = 'prox-ops:nodes';

/**
 * Names of the cluster's nodes, from the stack's configuration file. By them the lab knows when the cluster is
 * complete, and what may be named in a fault before it is built.
 * @throws LabError when there is no such file, or it is malformed.
 */
export function nodeNames(projectDirectory: string, file?: string): string[] {
  const path =
    file ?? CANDIDATES.map((name) => join(projectDirectory, name)).find((candidate) => existsSync(candidate));
  if (path === undefined) {
    throw new LabError(
      `expected one of ${CANDIDATES.join(', ')} in ${projectDirectory}, found none; name it with --stack-file`,
    );
  }
  const nodes: unknown = (config(path) as Record<string, unknown> | undefined)?.[NODES];
  const names = typeof nodes === 'object' && nodes !== null ? Object.keys(nodes) : [];
  if (names.length === 0) {
    throw new LabError(
      `${path}: expected config.${NODES} with the nodes by name, found ${describe(nodes)}`,
      EXIT.usage,
    );
  }
  return names;
}

function config(path: string): unknown {
  const document = parseDocument(textOf(path));
  const [problem] = document.errors;
  if (problem) throw new LabError(`${path} is malformed: ${problem.message.split('\n')[0]}`, EXIT.usage);
  return (document.toJS() as { config?: unknown } | null)?.config;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new LabError(`stack file: ${(error as Error).message}; name another one with --stack-file`, EXIT.usage);
  }
}

function describe(value: unknown): string {
  return value === undefined ? 'nothing' : `${JSON.stringify(value)}`;
}
