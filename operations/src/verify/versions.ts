import type { Node } from '../clients/kubernetesObjects.js';
import type { Extension } from '../clients/talosOutput.js';
import { verdict, type Check } from '../checks/check.js';
import type { ExpectedCluster, ExpectedNode } from './expected.js';
import { nodeProblems, type Machines } from './machines.js';

export function versionsCheck({ nodes }: ExpectedCluster, machines: Machines): Check {
  return {
    id: 'versions',
    describe: 'every node runs the Talos and Kubernetes releases of the stack file',
    how: 'talosctl version of every node; Kubernetes: kubeletVersion of every Node',
    run: async ({ session }) => {
      const [facts, registered] = await Promise.all([machines.facts(), session.kubernetes.list<Node>('/api/v1/nodes')]);
      const kubelets = new Map(
        (registered ?? []).map(({ metadata, status }) => [metadata.name, status?.nodeInfo?.kubeletVersion]),
      );
      const problems = nodeProblems(nodes, facts, ({ name, release }, { version }) => [
        ...differing('Talos', version, release.talos),
        ...differing('kubelet', kubelets.get(name), release.kubernetes),
      ]);
      const releases = [
        ...new Set(nodes.map(({ release }) => `Talos ${release.talos}, kubelet ${release.kubernetes}`)),
      ];
      return verdict(problems, 'the releases of the stack file', `${nodes.length} nodes: ${releases.join('; ')}`);
    },
  };
}

function differing(what: string, found: string | undefined, wanted: string): string[] {
  return found === wanted ? [] : [`${what} ${found ?? 'unknown'}, wanted ${wanted}`];
}

export function imagesCheck({ nodes }: ExpectedCluster, machines: Machines): Check {
  return {
    id: 'images',
    describe: 'every node runs the schematic and the extensions of its variant',
    how: 'talosctl get extensionstatuses of every node, the schematic among them; the schematic wanted: the state',
    run: async () => {
      const problems = nodeProblems(nodes, await machines.facts(), (node, { extensions }) =>
        imageProblems(node, extensions),
      );
      const extensions = new Set(nodes.flatMap((node) => node.extensions));
      const schematics = new Set(nodes.map(({ schematic }) => schematic));
      return verdict(
        problems,
        'the schematic and extensions of the stack file',
        `${schematics.size} schematic(s), ${extensions.size} extension(s) on ${nodes.length} nodes`,
      );
    },
  };
}

function imageProblems({ schematic, extensions }: ExpectedNode, found: Extension[]): string[] {
  const installed = found.find(({ name }) => name === 'schematic')?.version;
  const names = new Set(found.map(({ name }) => extensionName(name)));
  const missing = extensions.filter((name) => !names.has(extensionName(name)));
  return [
    ...(schematic === undefined || installed === schematic
      ? []
      : [`schematic ${installed?.slice(0, 12) ?? 'unknown'}, wanted ${schematic.slice(0, 12)}`]),
    ...missing.map((name) => `without ${name}`),
  ];
}

/** A machine tells of an extension without its publisher and, of those in two tracks, at times without the track. */
function extensionName(name: string): string {
  return name.replace(/^.*\//, '').replace(/-(?:production|lts)$/, '');
}
