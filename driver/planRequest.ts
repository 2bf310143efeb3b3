import { stepSettings, type PreflightRequest, type PreparedTemplate, type TurnRequest } from '@prox-ops/operations';
import { planCluster, type ClusterPlan, type NodePlan } from '../config/plan';
import type { StackConfig } from '../config/schema';
import type { Change } from './changes';
import type { PlannedNode, RollPlan } from './plan';
import { VM_TYPE } from './state';

/** What the preflight has to know of a plan, and of the stack file behind it. */
export function preflightRequest(plan: Pick<RollPlan, 'nodes' | 'prepare'>, config: StackConfig): PreflightRequest {
  const cluster = planCluster(config);
  const { linstor } = config;
  return {
    turns: plan.nodes.map((node) => turnRequest(node, cluster, config)),
    prepare: plan.prepare.flatMap((change) => preparedTemplate(change, config)),
    settings: stepSettings(config),
    kubeletArgs: config.talos.kubelet.extraArgs,
    ...(linstor && { linstorController: { namespace: linstor.namespace, selector: linstor.controllerSelector } }),
  };
}

function turnRequest(node: PlannedNode, cluster: ClusterPlan, config: StackConfig): TurnRequest {
  const { name, role, vmId, vmName, from } = node;
  // Of both, the cluster and its storage see the same as of a replacement.
  const action = node.action === 'roll back' || node.action === 'upgrade' ? 'replace' : node.action;
  const optional = {
    ...(from !== undefined && { from }),
    ...(vmName !== undefined && { vmName }),
    ...(node.part !== undefined && { part: node.part }),
  };
  const common = { name, role, vmId, action, ...optional };
  const planned = cluster.nodes.find((candidate) => candidate.name === name);
  // A node that leaves for good is in the stack file no more.
  if (!planned) return { ...common, hardware: { memory: 0, disks: [] }, pci: [] };
  const template = cluster.templates.find(({ key }) => key === planned.template);
  return {
    ...common,
    address: planned.address,
    host: planned.host,
    release: planned.release,
    ...(template && { template: { vmId: template.vmId, name: template.name, host: template.host } }),
    hardware: { memory: planned.hardware.memory, disks: disksOf(planned, config) },
    pci: planned.pci,
  };
}

function disksOf({ hardware }: NodePlan, { proxmox }: StackConfig): { storage: string; size: number }[] {
  const system = { storage: proxmox.storage, size: hardware.disk };
  if (hardware.dataDisk === undefined) return [system];
  return [system, { storage: proxmox.dataStorage, size: hardware.dataDisk }];
}

function preparedTemplate({ type, ops, after }: Change, { proxmox }: StackConfig): PreparedTemplate[] {
  const made = ops.some((op) => op === 'create' || op === 'replace' || op === 'create-replacement');
  if (type !== VM_TYPE || !made || !after) return [];
  const [disk] = Array.isArray(after.disks) ? (after.disks as { size?: number }[]) : [];
  return [
    {
      vmId: Number(after.vmId),
      name: String(after.name),
      host: String(after.nodeName),
      disk: { storage: proxmox.storage, size: disk?.size ?? 0 },
      imageStorage: proxmox.imageStorage,
    },
  ];
}
