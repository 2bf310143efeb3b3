import type { Stack } from '@pulumi/pulumi/automation';
import { planCluster, stableUuid, templateName } from '../../config/plan';
import type { StackConfig, Variant } from '../../config/schema';
import { nodeOf } from '../changes';
import { readState, VM_TYPE } from '../state';

const FILE_TYPE = 'proxmoxve:download/file:File';

/** What the stack has, or may have made: by its file and by its state. */
export interface Own {
  cluster: string;
  /** Names of the stack file's nodes. */
  nodes: Set<string>;
  /** Ids of VMs and templates by the stack file. */
  planned: Set<number>;
  /** Ids of VMs that the state has: what belongs to them is the engine's to delete. */
  inState: Set<number>;
  /** Nodes that the state has, in the stack file or not. */
  nodesInState: Set<string>;
  /** Downloaded images that the state has, `host storage:content/name`. */
  filesInState: Set<string>;
  /** Talos releases of the filled slots. */
  releases: Set<string>;
  /** Ids that templates may have, whether or not one is planned, with the name of a release's template under it. */
  templates: Map<number, (talos: string) => string>;
  imageStorage: string;
  /** PCI mappings that the stack file names. */
  mappings: Set<string>;
  /** The SMBIOS UUID that the program gives the machine of a node of that name. */
  uuidOf: (node: string) => string;
}

export async function ownOf(stack: Stack, config: StackConfig): Promise<Own> {
  const { nodes, templates } = planCluster(config);
  const resources = (await readState(stack)).resources();
  const ofType = (wanted: string) => resources.filter(({ type }) => type === wanted).map(({ inputs }) => inputs);
  const names = resources.map(({ urn, parent }) => nodeOf(urn, parent));
  return {
    cluster: config.cluster.name,
    nodes: new Set(nodes.map(({ name }) => name)),
    planned: new Set([...nodes, ...templates].map(({ vmId }) => vmId)),
    inState: new Set(ofType(VM_TYPE).map(({ vmId }) => Number(vmId))),
    nodesInState: new Set(names.filter((name) => name !== undefined)),
    filesInState: new Set(ofType(FILE_TYPE).map(fileKey)),
    releases: new Set(Object.values(config.releases).flatMap((slot) => (typeof slot === 'object' ? [slot.talos] : []))),
    templates: templateIds(config),
    imageStorage: config.proxmox.imageStorage,
    mappings: new Set([...config.proxmox.hosts, ...Object.values(config.nodes)].flatMap(({ pci }) => pci)),
    uuidOf: (node) => stableUuid(`${config.cluster.name}/${node}`),
  };
}

function fileKey({ nodeName, datastoreId, contentType, fileName }: Record<string, unknown>): string {
  return `${String(nodeName)} ${String(datastoreId)}:${String(contentType)}/${String(fileName)}`;
}

/** Both slots, every host, both variants: what is not planned now may have been. */
function templateIds({ proxmox }: StackConfig): Own['templates'] {
  const slots = Object.values(proxmox.templateIds);
  const variants: Variant[] = ['standard', 'gpu'];
  const entries = proxmox.hosts.flatMap(({ name: host }, position) =>
    slots.flatMap((first) =>
      variants.map((variant, index): [number, (talos: string) => string] => [
        first + position * 2 + index,
        (talos) => templateName(talos, variant, host),
      ]),
    ),
  );
  return new Map(entries);
}
