import * as proxmox from '@muhlba91/pulumi-proxmoxve';
import { stepSettings, type BracketInputs } from '@prox-ops/operations';
import * as pulumi from '@pulumi/pulumi';
import * as talos from '@pulumiverse/talos';
import semver from 'semver';
import { targetOf, type NodePlan } from '../config/plan';
import type { StackConfig } from '../config/schema';
import { EtcdMembership } from '../lifecycle/etcdMembership';
import { HealthGate } from '../lifecycle/healthGate';
import { LinstorEvacuation } from '../lifecycle/linstorEvacuation';
import { NodeDrain } from '../lifecycle/nodeDrain';
import { NodeIdentity } from '../lifecycle/nodeIdentity';
import { RolloutTurn } from '../lifecycle/rolloutTurn';
import type { VmGuards } from '../lifecycle/vmGuards';
import type { CloneQueue } from './cloneQueue';
import type { MachineConfig } from './machineConfigs';
import type { NodeTemplates } from './nodeTemplates';
import { ignoredPaths, nodeVmArgs, replacingPaths } from './nodeVm';
import type { TalosSecrets } from './talosSecrets';

export interface TalosNodeArgs {
  config: StackConfig;
  node: NodePlan;
  templates: NodeTemplates;
  machine: MachineConfig;
  guards: VmGuards;
  clones: CloneQueue;
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
      node: targetOf(node),
      access,
      settings: stepSettings(config),
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

  private createIdentity(): NodeIdentity {
    const { node, access, config } = this.args;
    const macs = node.nics.map((nic) => nic.mac);
    const args = { node: targetOf(node), macs, access, settings: stepSettings(config) };
    return new NodeIdentity(`${node.name}-identity`, args, { parent: this });
  }

  private createVm(): proxmox.VmLegacy {
    const { node, config, templates, machine, guards, clones } = this.args;
    const schematic = templates.schematicId(node.variant);
    const options: pulumi.CustomResourceOptions = {
      parent: this,
      provider: this.args.proxmox,
      deleteBeforeReplace: true,
      replaceOnChanges: replacingPaths(node),
      ignoreChanges: ignoredPaths(node),
      // A configuration that Talos would refuse stops the update while the old VM still stands.
      dependsOn: [this.identity, templates.template(node.template), machine.validated],
      hooks: guards.vm,
    };
    return clones.add(
      node.templateVmId,
      (templateVmId) =>
        new proxmox.VmLegacy(`${node.name}-vm`, nodeVmArgs(config, node, schematic, templateVmId), options),
    );
  }

  private createConfiguration(): talos.machine.ConfigurationApply {
    const { node, secrets, machine } = this.args;
    // The provider has no replacement rule: an address fed by the VM makes the configuration go and come with it.
    const address = this.vm.id.apply(() => node.address);
    return new talos.machine.ConfigurationApply(
      `${node.name}-config`,
      {
        node: address,
        clientConfiguration: secrets.clientConfiguration,
        machineConfigurationInput: machine.text,
        applyMode: applyMode(node.release.talos),
        // A machine that never answers is given up when a node that never gets ready would be.
        timeouts: { create: `${this.args.config.rollout.nodeReadyTimeout}s`, update: '5m' },
      },
      {
        parent: this,
        provider: this.args.talos,
        deleteBeforeReplace: true,
        replaceOnChanges: ['node'],
        ignoreChanges: ignoredOfConfiguration(node),
        dependsOn: [this.vm, machine.validated],
      },
    );
  }
}

/**
 * By default Talos before 1.14 decides by itself to reboot for a configuration, every machine at once. What it can't take
 * over as it runs is refused instead, where a new machine takes that mode as well: before 1.13 its maintenance mode
 * answers `Unimplemented` to it. There nothing but `bootConfiguration` stands between a change and the reboot.
 */
function applyMode(talos: string): 'no_reboot' | 'auto' {
  return semver.gte(talos, '1.13.0') ? 'no_reboot' : 'auto';
}

function ignoredOfConfiguration({ kept, found }: NodePlan): string[] {
  if (kept) return ['*'];
  return found?.keepConfiguration === true ? ['machineConfigurationInput'] : [];
}
