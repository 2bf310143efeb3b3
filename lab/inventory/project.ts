import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMap, parseDocument, type Document } from 'yaml';
import type { LabNetwork } from '../world/network.js';

export interface LabProjectOptions {
  /** Where the project is made; must not exist yet. */
  directory: string;
  /** The checkout whose program it runs. */
  repository: string;
  network: LabNetwork;
  /** Names of the nodes to keep of the production inventory; all when absent. */
  nodes?: string[];
  /** Rollout settings that differ, e.g. timeouts that a test can wait for. */
  rollout?: Record<string, unknown>;
  linstor?: Record<string, unknown>;
  /** No stack file: the cluster is there before its description. */
  undescribed?: boolean;
}

export const LAB_STACK = 'lab';

/** The passphrase of lab stacks: the secrets in them are worth nothing outside the lab. */
export const LAB_PASSPHRASE = 'prox-ops-lab';

/**
 * A project of its own that runs the checkout's program, so that the checkout stays as it is. The dynamic-provider host
 * resolves modules from the project's directory: it has the checkout's node_modules.
 */
export function createLabProject(options: LabProjectOptions): void {
  const { directory, repository } = options;
  mkdirSync(directory, { recursive: false, mode: 0o700 });
  const program = parseDocument(readFileSync(join(repository, 'Pulumi.yaml'), 'utf8'));
  program.set('main', repository);
  program.setIn(['runtime', 'options', 'tsconfig'], join(repository, 'tsconfig.program.json'));
  writeFileSync(join(directory, 'Pulumi.yaml'), program.toString());
  if (options.undescribed !== true) writeFileSync(join(directory, `Pulumi.${LAB_STACK}.yaml`), labStackFile(options));
  symlinkSync(join(repository, 'node_modules'), join(directory, 'node_modules'));
}

/** The production stack file, moved into the lab: its addresses, its image factory and its LINSTOR controller. */
export function labStackFile(options: Omit<LabProjectOptions, 'directory'>): string {
  const { repository, network } = options;
  const production = readFileSync(join(repository, 'Pulumi.prod.yaml'), 'utf8');
  const document = parseDocument(network.map(production));
  document.commentBefore =
    ' The production inventory on loopback, for the lab (npx prox-ops lab up). Made from Pulumi.prod.yaml.';
  const set = (path: string[], value: unknown) => {
    document.setIn(['config', ...path], value);
  };
  set(['prox-ops:talos', 'imageFactory'], network.imageFactoryUrl);
  set(['prox-ops:linstor', 'url'], network.linstorUrl);
  for (const [key, value] of Object.entries(options.linstor ?? {})) set(['prox-ops:linstor', key], value);
  // The lab's workloads have a pod without a controller, as every real cluster has one somewhere.
  set(['prox-ops:rollout'], document.createNode({ evictUnmanagedPods: true, ...options.rollout }));
  if (options.nodes) keepNodes(document, options.nodes);
  return document.toString({ lineWidth: 0 });
}

function keepNodes(document: Document, names: string[]): void {
  const nodes = document.getIn(['config', 'prox-ops:nodes']);
  if (!isMap(nodes)) throw new Error('Pulumi.prod.yaml: expected a map of nodes in prox-ops:nodes');
  const known = nodes.items.map((item) => String(item.key));
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new Error(`expected nodes of ${known.join(', ')}, found ${unknown.join(', ')}`);
  for (const name of known) if (!names.includes(name)) nodes.delete(name);
}
