import type { PolicyResource } from '@pulumi/policy';
import { resourcePolicy, stackPolicy } from './support/define';
import { isControlPlane, nodeNameOf, nodes, nodeVms, type Node } from './support/nodes';
import {
  BRACKETS,
  DRAIN,
  ETCD,
  EVACUATION,
  GATE,
  IDENTITY,
  MACHINE_CONFIG,
  NODE,
  shortType,
  TURN,
  VM,
} from './support/types';

const WHERE = 'Describe nodes with components/talosNode.ts, which chains them.';

export const nodeLifecycleComplete = stackPolicy(
  {
    name: 'node-lifecycle-complete',
    description: 'A link that is missing from a node’s chain is a guard that is not asked before its VM goes.',
  },
  ({ stack, unknowns, report }) => {
    unknowns.each(nodeVms(stack), ({ resource, name }) => {
      if (resource.parent?.type !== NODE)
        report(
          `${name}: expected the VM below a TalosNode, found it outside: nothing guards it. ${WHERE}`,
          resource.urn,
        );
    });
    unknowns.each(nodes(stack), (node) => {
      const missing = expectedTypes(node).filter((type) => !node.resources.some((resource) => resource.type === type));
      if (missing.length === 0) return;
      const names = missing.map(shortType).join(', ');
      report(`${node.name}: expected the whole lifecycle chain, found no ${names}. ${WHERE}`, node.urn);
    });
  },
);

function expectedTypes(node: Node): string[] {
  const everywhere = [IDENTITY, VM, MACHINE_CONFIG, GATE, EVACUATION, DRAIN, TURN];
  return node.vm && isControlPlane(node.vm) ? [...everywhere, ETCD] : everywhere;
}

/** From the first to be created to the last; deletes run the other way. */
const ORDER = [IDENTITY, VM, MACHINE_CONFIG, ...BRACKETS];

export const nodeLifecycleOrder = stackPolicy(
  {
    name: 'node-lifecycle-order',
    description: 'The engine deletes against the dependencies: a wrong one powers a VM off before it was drained.',
  },
  ({ stack, unknowns, report }) => {
    unknowns.each(nodes(stack), (node) => {
      const chain = ORDER.flatMap((type) => node.resources.filter((resource) => resource.type === type));
      for (const [index, outer] of chain.entries()) {
        const inner = chain[index - 1];
        if (inner && !outer.dependencies.some(({ urn }) => urn === inner.urn))
          report(
            `${node.name}: expected ${shortType(outer.type)} to depend on ${shortType(inner.type)}, found that it does ` +
              `not. ${WHERE}`,
            outer.urn,
          );
        const problem = node.vm && cascadeProblem(outer, node.vm.resource);
        if (problem !== undefined) report(`${node.name}: ${problem}. ${WHERE}`, outer.urn);
      }
    });
  },
);

/** The property that the VM feeds, and whose change replaces the resource with it. */
const FED: Record<string, string> = {
  [MACHINE_CONFIG]: 'node',
  ...Object.fromEntries(BRACKETS.map((type) => [type, 'vm'])),
};

function cascadeProblem(resource: PolicyResource, vm: PolicyResource): string | undefined {
  const property = FED[resource.type];
  if (property === undefined) return undefined;
  if (resource.propertyDependencies[property]?.some(({ urn }) => urn === vm.urn)) return undefined;
  return `expected the VM to feed ${shortType(resource.type)}.${property}, so that both are replaced together, found it does not`;
}

export const nodeDeleteBeforeReplace = resourcePolicy(
  {
    name: 'node-delete-before-replace',
    description: 'Created first, the new VM meets the old one’s id and address, and no leave step runs in between.',
  },
  [VM, MACHINE_CONFIG, ...BRACKETS],
  ({ resource, report }) => {
    if (resource.opts.deleteBeforeReplace === true) return;
    const name = nodeNameOf(resource);
    report(`${name}: expected deleteBeforeReplace: true on ${shortType(resource.type)}, found it off. ${WHERE}`);
  },
);
