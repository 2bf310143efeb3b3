import { stackPolicy } from './support/define';
import { stackFacts } from './support/facts';
import { nodes, type Node } from './support/nodes';
import { extensionsOf } from './support/schematics';
import { GATE } from './support/types';

export const linstorNodeDataDisk = stackPolicy(
  {
    name: 'linstor-node-data-disk',
    description: 'A data disk that no evacuation knows of takes its replicas along when the VM is deleted.',
  },
  ({ stack, unknowns, report }) => {
    if (stackFacts()?.linstor === undefined) return;
    unknowns.each(nodes(stack), (node) => {
      const disks = node.vm?.props.disks ?? [];
      const hasDataDisk = Array.from(disks).some(({ interface: name }) => name !== 'scsi0');
      const satellite = isSatellite(node);
      if (satellite && !hasDataDisk)
        report(
          `${node.name}: expected a data disk on a LINSTOR node, found none. Set roles.*.dataDisk or ` +
            `nodes.${node.name}.hardware.dataDisk.`,
          node.vm?.resource.urn,
        );
      if (!satellite && hasDataDisk)
        report(
          `${node.name}: expected the evacuation to guard the node's data disk, found it switched off for this node ` +
            `(satellite). Describe nodes with components/talosNode.ts.`,
          node.vm?.resource.urn,
        );
    });
  },
);

export const linstorNodeDrbd = stackPolicy(
  {
    name: 'linstor-node-drbd',
    description:
      'Without DRBD in its image a satellite never comes online, and the replaced node takes no replica back.',
  },
  ({ stack, unknowns, report }) => {
    unknowns.each(nodes(stack), (node) => {
      if (!node.vm || !isSatellite(node)) return;
      const found = extensionsOf(node.vm);
      if (found?.includes('siderolabs/drbd')) return;
      report(
        `${node.name}: expected siderolabs/drbd in its schematic, found ${found?.join(', ') ?? 'no schematic'}. Add it to ` +
          `prox-ops:talos.extensions.`,
        node.vm.resource.urn,
      );
    });
  },
);

function isSatellite(node: Node): boolean {
  const gate = node.resources.find(({ type }) => type === GATE);
  const target = gate?.props.node as { satellite?: boolean } | undefined;
  return target?.satellite === true;
}
