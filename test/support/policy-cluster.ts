import { runtime } from '@pulumi/pulumi';
import { stringify } from 'yaml';
import { describeImage, describeMachine, planCluster, type NodePlan, type TemplatePlan } from '../../config/plan';
import type { StackConfig } from '../../config/schema';
import * as types from '../../policies/support/types';
import { secret, type Described } from './policies';
import { production, rawStack, REPOSITORY } from './stack-files';

const STACK = 'urn:pulumi:prod::prox-ops::';
export const CLUSTER = `${STACK}prox-ops:cluster:Cluster::prox-ops`;

/** A resource below the cluster. */
export function described(type: string, name: string, props: object = {}, more: Partial<Described> = {}): Described {
  return { urn: `${STACK}${type}::${name}`, type, name, props: props as Record<string, unknown>, ...more };
}

function schematicId(variant: string): string {
  return (variant === 'gpu' ? 'b' : 'a').repeat(64);
}

/** Hands policies the production stack's configuration, as the engine does. */
export function configureStack(change: (raw: Record<string, never>) => void = () => undefined): void {
  const raw = rawStack(`${REPOSITORY}/Pulumi.prod.yaml`);
  change(raw as Record<string, never>);
  const entries = Object.entries(raw).map(([key, value]) => [`prox-ops:${key}`, JSON.stringify(value)]);
  runtime.setAllConfig(Object.fromEntries(entries) as Record<string, string>);
}

/** The production cluster as its program describes it: what every policy has to let pass. */
export function cluster(config: StackConfig = production()): Described[] {
  const plan = planCluster(config);
  const schematics = (['standard', 'gpu'] as const).map((variant) =>
    described(types.SCHEMATIC, `schematic-${variant}`, {
      schematic: stringify({
        customization: { systemExtensions: { officialExtensions: config.talos.extensions[variant] } },
      }),
    }),
  );
  return [
    described('pulumi:providers:proxmoxve', 'proxmox', {
      endpoint: config.proxmox.endpoint,
      insecure: 'false',
      apiToken: secret('prox-ops@pve!roll=00000000-0000-4000-8000-000000000000'),
    }),
    ...schematics,
    described(types.TALOS_SECRETS, 'prox-ops-secrets', { talosVersion: 'v1.11.3' }, { protect: true }),
    ...plan.templates.map((template) => templateOf(template)),
    ...plan.nodes.flatMap((node) => nodeOf(config, node)),
  ];
}

function templateOf(template: TemplatePlan): Described {
  return described(
    types.VM,
    `template-${template.key}`,
    {
      vmId: template.vmId,
      name: template.name,
      nodeName: template.host,
      description: describeImage(template.release.talos, schematicId(template.variant)),
      tags: ['prox-ops', 'template'],
      template: true,
      machine: 'q35',
      memory: { dedicated: 2048 },
      networkDevices: [{ bridge: 'vmbr1' }],
    },
    { deleteBeforeReplace: true },
  );
}

function nodeOf(config: StackConfig, node: NodePlan): Described[] {
  const component = described(types.NODE, node.name, {}, { parent: CLUSTER });
  const parent = component.urn;
  const identity = described(types.IDENTITY, `${node.name}-identity`, {}, { parent });
  const vm = vmOf(config, node, parent, identity.urn);
  const machine = described(
    types.MACHINE_CONFIG,
    `${node.name}-config`,
    { node: node.address, machineConfigurationInput: secret(machineConfig(node)) },
    { parent, deleteBeforeReplace: true, dependencies: [vm.urn], propertyDependencies: { node: [vm.urn] } },
  );
  const chain = [identity, vm, machine];
  for (const type of types.BRACKETS) {
    if (type === types.ETCD && node.role === 'worker') continue;
    const inner = chain.at(-1);
    chain.push(
      described(type, `${node.name}-${types.shortType(type)}`, bracketProps(config, node), {
        parent,
        deleteBeforeReplace: true,
        dependencies: [inner?.urn ?? '', vm.urn],
        propertyDependencies: { vm: [vm.urn] },
      }),
    );
  }
  return [component, ...chain];
}

function bracketProps(config: StackConfig, node: NodePlan): object {
  return {
    node: { name: node.name, role: node.role, satellite: node.role === 'worker' },
    release: { ...node.release, schematic: schematicId(node.variant) },
    settings: { linstorGuardEnabled: config.linstor?.guardEnabled, healthPasses: config.rollout.healthPasses },
    access: secret({ talosconfig: 'contexts:\n  prox-ops:\n    key: LS0tLS1CRUdJTiBFRDI1NTE5' }),
    vm: String(node.vmId),
  };
}

function vmOf(config: StackConfig, node: NodePlan, parent: string, identity: string): Described {
  const hardware = config.roles[node.role];
  const schematic = `${STACK}${types.SCHEMATIC}::schematic-${node.variant}`;
  return described(
    types.VM,
    `${node.name}-vm`,
    {
      vmId: node.vmId,
      name: node.name,
      nodeName: node.host,
      description: describeMachine(node.release, schematicId(node.variant), undefined),
      tags: [...new Set(['prox-ops', config.cluster.name, node.role, node.variant])].sort(),
      clone: { vmId: node.templateVmId, full: true },
      machine: 'q35',
      cpu: { cores: hardware.cores, sockets: 1, type: 'host' },
      memory: { dedicated: hardware.memory },
      networkDevices: node.nics.map(({ bridge, mac }) => ({ bridge, macAddress: mac })),
      disks: ['scsi0', ...(hardware.dataDisk === undefined ? [] : ['scsi1'])].map((name) => ({ interface: name })),
      hostpcis: node.pci.map((mapping, index) => ({ device: `hostpci${index}`, mapping, pcie: true })),
      initialization: { ipConfigs: [{ ipv4: { address: node.nics[0]?.address, gateway: config.cluster.gateway } }] },
    },
    { parent, deleteBeforeReplace: true, dependencies: [identity], propertyDependencies: { description: [schematic] } },
  );
}

/** The parts of a machine configuration that policies read. */
export function machineConfig(node: NodePlan): string {
  return stringify({
    machine: {
      token: 'abcdef.0123456789abcdef',
      install: { image: `factory.talos.dev/nocloud-installer/${schematicId(node.variant)}:${node.release.talos}` },
      kubelet: { image: `ghcr.io/siderolabs/kubelet:${node.release.kubernetes}` },
      network: { interfaces: node.nics.map(({ address }) => ({ addresses: address === undefined ? [] : [address] })) },
    },
  });
}

/** A stack with one resource changed. @param name the resource's. */
export function changed(resources: Described[], name: string, change: Partial<Described> | object): Described[] {
  const found = resources.some((resource) => resource.name === name);
  if (!found) throw new Error(`expected a resource named ${name} in the cluster, found none`);
  return resources.map((resource) => (resource.name === name ? { ...resource, ...change } : resource));
}

/** A stack with single inputs of one resource changed; undefined removes an input. */
export function withProps(resources: Described[], name: string, props: Record<string, unknown>): Described[] {
  const resource = resources.find((candidate) => candidate.name === name);
  const merged = Object.entries({ ...resource?.props, ...props }).filter(([, value]) => value !== undefined);
  return changed(resources, name, { props: Object.fromEntries(merged) });
}
