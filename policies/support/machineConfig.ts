import { parseAllDocuments } from 'yaml';
import type { Node } from './nodes';
import { MACHINE_CONFIG } from './types';

/** What policies read of a Talos machine configuration. */
export interface MachineConfig {
  machine?: {
    install?: { image?: string };
    kubelet?: { image?: string };
    network?: { interfaces?: { addresses?: string[] }[] };
  };
}

/** The first document that is a machine configuration: Talos allows further ones of other kinds behind it. */
export function parseMachineConfig(text: string): MachineConfig {
  for (const document of parseAllDocuments(text)) {
    if ('empty' in document) continue;
    const value = document.toJS() as MachineConfig | null;
    if (value?.machine) return value;
  }
  return {};
}

/** Addresses of a node's interfaces, without their prefix. */
export function machineAddresses(node: Node): string[] {
  const resource = node.resources.find(({ type }) => type === MACHINE_CONFIG);
  return resource ? configuredAddresses(resource.props) : [];
}

/** Addresses that the inputs of a machine configuration give to interfaces, without their prefix. */
export function configuredAddresses(props: Record<string, unknown>): string[] {
  const text = props.machineConfigurationInput as string | undefined;
  if (text === undefined) return [];
  const interfaces = parseMachineConfig(text).machine?.network?.interfaces ?? [];
  return interfaces.flatMap(({ addresses }) => addresses ?? []).map((address) => address.split('/')[0] ?? '');
}
