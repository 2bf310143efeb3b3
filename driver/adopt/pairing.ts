import type { Findings } from './findings';
import type { LiveNode } from './liveCluster';
import type { LiveProxmox, LiveVm } from './liveProxmox';

/** A node with the VM that it runs on. */
export interface Pair {
  node: LiveNode;
  vm: LiveVm;
}

/** Finds each node's VM by its SMBIOS UUID, which is the only thing that both sides know for certain. */
export function pairNodes(nodes: LiveNode[], { vms, offline }: LiveProxmox, findings: Findings): Pair[] {
  return nodes.flatMap((node) => {
    const fitting = vms.filter((vm) => !vm.template && vm.uuid !== '' && vm.uuid === node.uuid);
    const [vm] = fitting;
    if (vm && fitting.length === 1) return [{ node, vm }];
    const ids = fitting.map(({ vmId }) => vmId).join(', ');
    const found = fitting.length > 1 ? `VMs ${ids}` : 'none';
    const hint = offline.length > 0 ? `; hosts that do not answer: ${offline.join(', ')}` : '';
    findings.problem(`node ${node.name}: expected one VM with the SMBIOS UUID ${node.uuid}, found ${found}${hint}`);
    return [];
  });
}
