import type { Node } from '../clients/kubernetesObjects.js';
import { messageOf } from '../runtime/errors.js';
import { verdict, type Check } from '../checks/check.js';
import type { ExpectedCluster, ExpectedNode } from './expected.js';
import type { MachineReader } from './machines.js';

export function membersCheck({ nodes }: ExpectedCluster, reader: MachineReader): Check {
  return {
    id: 'members',
    describe: 'Kubernetes and Talos discovery know the nodes of the stack file, each on its machine, and no other',
    how: 'Kubernetes: Nodes, systemUUID; talosctl get members, asked of one control plane',
    run: async ({ session, access }) => {
      const [registered, discovery] = await Promise.all([
        session.kubernetes.list<Node>('/api/v1/nodes'),
        discovered(reader, access.controlPlanes),
      ]);
      const problems = [
        ...registeredProblems(nodes, registered ?? []),
        ...('trouble' in discovery
          ? [`discovery: ${discovery.trouble}`]
          : listProblems('discovery', nodes, discovery.names)),
      ];
      return verdict(problems, `${nodes.length} nodes, each on its machine`, `${nodes.length} nodes on their machines`);
    },
  };
}

function registeredProblems(nodes: ExpectedNode[], found: Node[]): string[] {
  const machines = new Map(
    found.map(({ metadata, status }) => [metadata.name, status?.nodeInfo?.systemUUID.toLowerCase()]),
  );
  const elsewhere = nodes.flatMap(({ name, uuid }) => {
    const runsOn = machines.get(name);
    return runsOn === undefined || runsOn === uuid ? [] : [`${name} runs on machine ${runsOn}, planned ${uuid}`];
  });
  return [...listProblems('Kubernetes', nodes, [...machines.keys()]), ...elsewhere];
}

function listProblems(who: string, nodes: ExpectedNode[], found: string[]): string[] {
  const names = nodes.map(({ name }) => name);
  const missing = names.filter((name) => !found.includes(name));
  const strange = found.filter((name) => !names.includes(name));
  return [
    ...missing.map((name) => `${who} does not know ${name}`),
    ...strange.map((name) => `${who} knows ${name}, which is not in the stack file`),
  ];
}

/** As the first control plane that answers tells it. */
async function discovered(
  reader: MachineReader,
  controlPlanes: string[],
): Promise<{ names: string[] } | { trouble: string }> {
  const troubles: string[] = [];
  for (const address of controlPlanes) {
    try {
      return { names: (await reader.discovered(address)).map(({ hostname }) => hostname) };
    } catch (error) {
      troubles.push(messageOf(error));
    }
  }
  return { trouble: troubles.join('; ') || 'no control plane to ask' };
}
