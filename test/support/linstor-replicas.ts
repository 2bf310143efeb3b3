import { testNetwork } from './network';

interface Replica {
  name: string;
  node_name: string;
  flags?: string[];
}

/** Names of the resources of which each node holds a replica with data, by node. Asked of the lab's LINSTOR itself. */
export async function replicasByNode(base: number): Promise<Map<string, string[]>> {
  const response = await fetch(`${testNetwork(base).linstorUrl}/v1/view/resources`);
  const held = new Map<string, string[]>();
  for (const { name, node_name: node, flags = [] } of (await response.json()) as Replica[]) {
    if (flags.includes('DISKLESS') || flags.includes('TIE_BREAKER')) continue;
    held.set(node, [...(held.get(node) ?? []), name]);
  }
  return held;
}
