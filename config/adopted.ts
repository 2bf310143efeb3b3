import { createHash } from 'node:crypto';
import { bootConfiguration } from './bootConfiguration';
import type { AdoptedNode, AdoptedTemplate, NodeConfig, Slot, StackConfig, Variant } from './schema';

/** What is left as it was found. Absent once it is to be replaced, and for whatever the program made itself. */
export type FoundNode = Omit<AdoptedNode, 'image'>;
export type FoundTemplate = Omit<AdoptedTemplate, 'image'>;

/**
 * What a template was made from: a release, and the schematic's content in place of its id, which only the factory knows.
 * A change of either replaces what was found.
 */
export function templateImage(config: StackConfig, slot: Slot, variant: Variant): string {
  const { extensions, kernelArgs } = config.talos;
  const content = [[...extensions[variant]].sort(), kernelArgs[variant] ?? []];
  const digest = createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, 12);
  return `${config.releases[slot]?.talos ?? 'none'}-${digest}`;
}

/**
 * The same of a node, with whatever else replaces its VM: another host or VM id, and another boot configuration, for which
 * Talos would otherwise reboot every machine at once.
 */
export function nodeImage(config: StackConfig, node: NodeConfig): string {
  const slot = node.release ?? config.releases.active;
  const parts = [templateImage(config, slot, node.variant), bootConfiguration(config, node)];
  return `${parts.filter((part) => part !== undefined).join('-')}@${node.host}/${node.vmId}`;
}

export function foundNode(config: StackConfig, name: string): FoundNode | undefined {
  const [entry, node] = [config.adopted.nodes[name], config.nodes[name]];
  return entry && node && entry.image === nodeImage(config, node) ? entry : undefined;
}

/** @param key `a-thor-gpu`: slot, host, variant. */
export function foundTemplate(
  config: StackConfig,
  key: string,
  slot: Slot,
  variant: Variant,
): FoundTemplate | undefined {
  const entry = config.adopted.templates[key];
  return entry?.image === templateImage(config, slot, variant) ? entry : undefined;
}
