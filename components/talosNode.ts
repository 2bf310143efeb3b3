import * as proxmox from '@muhlba91/pulumi-proxmoxve';
import type { BracketInputs } from '@prox-ops/operations';
import * as pulumi from '@pulumi/pulumi';
import * as talos from '@pulumiverse/talos';
import { describeImage, type ClusterPlan, type NodePlan } from '../config/plan';
import type { StackConfig } from '../config/schema';
import { EtcdMembership } from '../lifecycle/etcdMembership';
import { HealthGate } from '../lifecycle/healthGate';
import { LinstorEvacuation } from '../lifecycle/linstorEvacuation';
import { NodeDrain } from '../lifecycle/nodeDrain';
import { NodeIdentity } from '../lifecycle/nodeIdentity';
import { RolloutTurn } from '../lifecycle/rolloutTurn';
import { machinePatches, runsSatellite } from './machinePatches';
import type { NodeTemplates } from './nodeTemplates';
import { settingsFrom } from './settings';
import type { TalosSecrets } from './talosSecrets';

export interface TalosNodeArgs {
  config: StackConfig;
  plan: ClusterPlan;
  node: NodePlan;
  templates: NodeTemplates;
  secrets: TalosSecrets;
  access: pulumi.Output<BracketInputs['access']>;
  proxmox: proxmox.Provider;
  talos: talos.Provider;
}

/**
 * One node: its identity for life, its VM, its machine configuration, and (after `guard`) the lifecycle resources
 * whose delete is how it leaves the cluster and whose create is how it joins.
 */
export class TalosNode extends pulumi.ComponentResource {
  readonly configured: talos.machine.ConfigurationApply;
  private readonly vm: proxmox.VmLegacy;
  private readonly identity: NodeIdentity;

  constructor(
    private readonly args: TalosNodeArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super('prox-ops:node:TalosNode', args.node.name, {}, opts);
    this.identity = this.createIdentity();
    this.vm = this.createVm();
    this.configured = this.createConfiguration();
  }

  /**
   * Chains the lifecycle resources onto the VM. Innermost first: each is created after the one before, deleted before it.
   * @param controlPlane has to be bootstrapped before a node can be waited for.
   */
  guard(controlPlane: pulumi.Resource): void {
    const { node, config, templates, access } = this.args;
    const args = {
      node: this.target(),
      access,
      settings: settingsFrom(config),
      release: {
        talos: node.release.talos,
        kubernetes: node.release.kubernetes,
        schematic: templates.schematicId(node.variant),
      },
      vm: this.vm.id,
    };
    const inside = (...resources: pulumi.Resource[]): pulumi.CustomResourceOptions => ({
      parent: this,
      dependsOn: resources,
    });
    const gate = new HealthGate(`${node.name}-gate`, args, inside(this.configured, controlPlane));
    let innermost: pulumi.Resource = gate;
    if (node.role === 'controlplane') innermost = new EtcdMembership(`${node.name}-etcd`, args, inside(innermost));
    const evacuation = new LinstorEvacuation(`${node.name}-evacuation`, args, inside(innermost));
    const drain = new NodeDrain(`${node.name}-drain`, args, inside(evacuation));
    new RolloutTurn(`${node.name}-turn`, args, inside(drain));
    this.registerOutputs({});
  }

  private target(): BracketInputs['node'] {
    const { node, config } = this.args;
    const { name, role, vmId, uuid, host, address, found } = node;
    const vmName = found?.vmName;
    const satellite = runsSatellite(config, node);
    return { name, role, vmId, uuid, host, address, satellite, ...(vmName !== undefined && { vmName }) };
  }

  private createIdentity(): NodeIdentity {
    const { node, access, config } = this.args;
    const macs = node.nics.map((nic) => nic.mac);
    const args = { node: this.target(), macs, access, settings: settingsFrom(config) };
    return new NodeIdentity(`${node.name}-identity`, args, { parent: this });
  }

  private createVm(): proxmox.VmLegacy {
    const { node, config, templates } = this.args;
    const hardware = config.roles[node.role];
    const schematic = templates.schematicId(node.variant);
    return new proxmox.VmLegacy(
      `${node.name}-vm`,
      {
        vmId: node.vmId,
        name: node.found?.vmName ?? node.name,
        nodeName: node.host,
        description: schematic.apply((id) => describeImage(node.release.talos, id)),
        // Proxmox keeps each tag once, and the provider sees a difference for ever when one was sent twice.
        tags: [...new Set(['prox-ops', config.cluster.name, node.role, node.variant])].sort(),
        // One attempt: with two, "already exists" counts as done and a foreign VM would be taken over.
        clone: { vmId: node.templateVmId, full: true, datastoreId: config.proxmox.storage, retries: 1 },
        machine: 'q35',
        scsiHardware: 'virtio-scsi-single',
        bootOrders: ['scsi0'],
        cpu: { cores: hardware.cores, sockets: hardware.sockets, type: config.proxmox.cpuType },
        memory: { dedicated: hardware.memory },
        operatingSystem: { type: 'l26' },
        serialDevices: [{ device: 'socket' }],
        cdrom: { fileId: 'none', interface: 'ide3' },
        smbios: { uuid: node.uuid },
        onBoot: true,
        started: true,
        // The guest has left the cluster before its VM goes, and Proxmox would wait for an agent that is gone.
        stopOnDestroy: true,
        startup: { order: node.role === 'controlplane' ? 1 : 2 },
        networkDevices: node.nics.map((nic) => ({
          bridge: nic.bridge,
          macAddress: nic.mac,
          ...(nic.vlan === undefined ? {} : { vlanId: nic.vlan }),
        })),
        disks: this.disks(hardware),
        hostpcis: node.pci.map((mapping, index) => ({ device: `hostpci${index}`, mapping, pcie: true })),
        // The address is there in maintenance mode already: nobody has to look a new machine up.
        initialization: {
          datastoreId: config.proxmox.storage,
          ipConfigs: [{ ipv4: { address: node.nics[0]?.address ?? node.address, gateway: config.cluster.gateway } }],
        },
      },
      {
        parent: this,
        provider: this.args.proxmox,
        deleteBeforeReplace: true,
        // The description names release and schematic: a new release replaces the VM even when the template id is the same.
        replaceOnChanges: ['description'],
        // The provider sees a difference in these for ever (pulumi-proxmoxve #664).
        ignoreChanges: [
          ...this.disks(hardware).map((_, index) => `disks[${index}].speed`),
          ...(node.found?.keep ?? []),
        ],
        dependsOn: [this.identity, templates.template(node.template)],
      },
    );
  }

  private disks(hardware: StackConfig['roles']['worker']): proxmox.types.input.VmLegacyDisk[] {
    const { storage, dataStorage } = this.args.config.proxmox;
    const common = { iothread: true, discard: 'on', ssd: true };
    const system = { interface: 'scsi0', datastoreId: storage, size: hardware.disk, ...common };
    if (hardware.dataDisk === undefined) return [system];
    return [system, { interface: 'scsi1', datastoreId: dataStorage, size: hardware.dataDisk, ...common }];
  }

  private createConfiguration(): talos.machine.ConfigurationApply {
    const { node, secrets } = this.args;
    // The provider has no replacement rule: an address fed by the VM makes the configuration go and come with it.
    const address = this.vm.id.apply(() => node.address);
    return new talos.machine.ConfigurationApply(
      `${node.name}-config`,
      {
        node: address,
        clientConfiguration: secrets.clientConfiguration,
        machineConfigurationInput: this.renderConfiguration(),
        // A machine that never answers is given up when a node that never gets ready would be.
        timeouts: { create: `${this.args.config.rollout.nodeReadyTimeout}s`, update: '5m' },
      },
      {
        parent: this,
        provider: this.args.talos,
        deleteBeforeReplace: true,
        replaceOnChanges: ['node'],
        ignoreChanges: node.found?.keepConfiguration === true ? ['machineConfigurationInput'] : [],
        dependsOn: [this.vm],
      },
    );
  }

  private renderConfiguration(): pulumi.Output<string> {
    const { node, config, plan, secrets, templates } = this.args;
    const factoryHost = new URL(config.talos.imageFactory).host;
    const patches = templates
      .schematicId(node.variant)
      .apply((id) => machinePatches(config, node, `${factoryHost}/nocloud-installer/${id}:${node.release.talos}`));
    const rendered = talos.machine.getConfigurationOutput(
      {
        clusterName: config.cluster.name,
        clusterEndpoint: plan.endpoint,
        machineType: node.role,
        machineSecrets: secrets.machineSecrets,
        talosVersion: node.release.talos,
        kubernetesVersion: node.release.kubernetes.replace(/^v/, ''),
        configPatches: patches,
        docs: false,
        examples: false,
      },
      { parent: this, provider: this.args.talos },
    );
    return pulumi.secret(rendered.machineConfiguration);
  }
}
