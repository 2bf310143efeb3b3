import type { KubernetesNode, Kubernetes, TalosCli } from '@prox-ops/operations';
import { parseAllDocuments } from 'yaml';

/** One document of a machine configuration. */
export type ConfigDocument = Record<string, unknown>;

export interface LiveNode {
  name: string;
  role: 'controlplane' | 'worker';
  /** The kubelet's address. */
  address: string;
  /** Addresses of all interfaces in CIDR notation. */
  addresses: string[];
  /** Lower case. */
  uuid: string;
  ready: boolean;
  cordoned: boolean;
  kubernetes: string;
  talos: string;
  schematic: string | undefined;
  /** Names without their author. */
  extensions: string[];
  /** Secret. The machine configuration that runs. */
  configuration: string;
  /** Secret. The same, parsed. */
  documents: ConfigDocument[];
}

const LAYERS = ['schematic', 'modules.dep'];

/** Reads every node from Kubernetes and from its own machine API. Reads only. @throws KubernetesError, TalosError. */
export async function readNodes(kubernetes: Kubernetes, talos: TalosCli): Promise<LiveNode[]> {
  const nodes = (await kubernetes.list<KubernetesNode>('/api/v1/nodes')) ?? [];
  const read: LiveNode[] = [];
  // One after the other: each call is a talosctl of its own, and a large cluster would start hundreds.
  for (const node of nodes) read.push(await readNode(node, talos));
  return read;
}

async function readNode(node: KubernetesNode, talos: TalosCli): Promise<LiveNode> {
  const { status, spec, metadata } = node;
  const address = status?.addresses?.find(({ type }) => type === 'InternalIP')?.address ?? '';
  const [version, layers, configuration, addresses] = await Promise.all([
    talos.version(address),
    talos.extensions(address),
    talos.machineConfiguration(address),
    talos.addresses(address),
  ]);
  const documents = parseAllDocuments(configuration).map((document) => document.toJS() as ConfigDocument);
  return {
    name: metadata.name,
    role: machineType(documents) === 'worker' ? 'worker' : 'controlplane',
    address,
    addresses,
    uuid: status?.nodeInfo?.systemUUID.toLowerCase() ?? '',
    ready: status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false,
    cordoned: spec?.unschedulable === true,
    kubernetes: status?.nodeInfo?.kubeletVersion ?? '',
    talos: version,
    schematic: layers.find(({ name }) => name === 'schematic')?.version,
    extensions: layers
      .map(({ name }) => name)
      .filter((name) => !LAYERS.includes(name))
      .sort(),
    configuration,
    documents,
  };
}

function machineType(documents: ConfigDocument[]): unknown {
  return at(mainDocument(documents), 'machine', 'type');
}

/** The v1alpha1 document. */
export function mainDocument(documents: ConfigDocument[]): ConfigDocument {
  return documents.find((document) => document['version'] === 'v1alpha1' && document['kind'] === undefined) ?? {};
}

/** What stands at a path of plain objects; undefined when it is not there. */
export function at(value: unknown, ...path: string[]): unknown {
  return path.reduce<unknown>((inner, key) => (isObject(inner) ? inner[key] : undefined), value);
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The objects of a list; none when it is no list. */
export function objects(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

export function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
}

export function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
