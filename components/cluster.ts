import * as proxmox from '@muhlba91/pulumi-proxmoxve';
import type { BracketInputs } from '@prox-ops/operations';
import * as pulumi from '@pulumi/pulumi';
import * as talos from '@pulumiverse/talos';
import { linstorAccess } from '../config/linstorAccess';
import { endsBeforeKubernetes } from '../config/overrides';
import { targetOf, wantsAddOns, type ClusterPlan, type NodePlan } from '../config/plan';
import type { StackConfig } from '../config/schema';
import { vmGuards, type VmGuards } from '../lifecycle/vmGuards';
import { CloneQueue } from './cloneQueue';
import { ControlPlane, type Begun } from './controlPlane';
import { MachineConfigs } from './machineConfigs';
import { NodeTemplates } from './nodeTemplates';
import { TalosNode } from './talosNode';
import { TalosSecrets } from './talosSecrets';

export interface ClusterArgs {
  config: StackConfig;
  plan: ClusterPlan;
  /** Secret: USER@REALM!ID=UUID */
  proxmoxToken: pulumi.Output<string>;
}

/** The whole cluster: templates, secrets, nodes with their lifecycle, control plane. */
export class Cluster extends pulumi.ComponentResource {
  /** Secret. Absent in an update that ends before there is a Kubernetes. */
  readonly kubeconfig: pulumi.Output<string> | undefined;
  readonly secrets: TalosSecrets;
  private readonly proxmox: proxmox.Provider;
  private readonly talos: talos.Provider;
  private readonly guards: VmGuards;

  constructor(
    name: string,
    private readonly args: ClusterArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super('prox-ops:cluster:Cluster', name, {}, opts);
    this.proxmox = this.createProxmoxProvider();
    this.talos = this.createTalosProvider();
    this.guards = vmGuards(args.config.proxmox.endpoint, args.proxmoxToken);
    const templates = this.createTemplates(name);
    this.secrets = this.createSecrets(name);
    const machines = this.createMachineConfigs(name, templates);
    const nodes = this.createNodes(templates, machines);
    const controlPlane = this.createControlPlane(name);
    this.kubeconfig = endsBeforeKubernetes() ? undefined : this.begin(name, controlPlane, nodes);
    this.registerOutputs({});
  }

  private createProxmoxProvider(): proxmox.Provider {
    const { config, proxmoxToken } = this.args;
    return new proxmox.Provider(
      'proxmox',
      { endpoint: config.proxmox.endpoint, apiToken: proxmoxToken, insecure: false },
      { parent: this },
    );
  }

  private createTalosProvider(): talos.Provider {
    return new talos.Provider('talos', { imageFactoryUrl: this.args.config.talos.imageFactory }, { parent: this });
  }

  private createTemplates(name: string): NodeTemplates {
    const { config, plan } = this.args;
    const { guards, proxmox, talos } = this;
    const args = { config, templates: plan.templates, guards, proxmox, talos };
    return new NodeTemplates(`${name}-templates`, args, { parent: this });
  }

  private createSecrets(name: string): TalosSecrets {
    const { config, plan } = this.args;
    const talosVersion = plan.first.release.talos;
    const { importSecrets } = config.talos;
    const args = {
      clusterName: config.cluster.name,
      plan,
      talosVersion,
      provider: this.talos,
      // As it is written: the engine takes another path for another import.
      ...(importSecrets !== undefined && { importFrom: importSecrets }),
    };
    return new TalosSecrets(name, args, { parent: this });
  }

  private createMachineConfigs(name: string, templates: NodeTemplates): MachineConfigs {
    const { config, plan } = this.args;
    const args = { config, plan, templates, secrets: this.secrets, provider: this.talos };
    return new MachineConfigs(`${name}-machines`, args, { parent: this });
  }

  private createNodes(templates: NodeTemplates, machines: MachineConfigs): Map<string, TalosNode> {
    const { config, plan } = this.args;
    const { secrets, guards, proxmox, talos } = this;
    const clones = new CloneQueue();
    const common = { config, templates, secrets, access: this.access(), guards, clones, proxmox, talos };
    const node = (node: NodePlan) =>
      new TalosNode({ ...common, node, machine: machines.of(node.name) }, { parent: this });
    return new Map(plan.nodes.map((planned) => [planned.name, node(planned)]));
  }

  private createControlPlane(name: string): ControlPlane {
    const { plan } = this.args;
    const args = { plan, secrets: this.secrets, provider: this.talos };
    return new ControlPlane(name, args, { parent: this });
  }

  /** The machines become a cluster. @returns its kubeconfig. */
  private begin(name: string, controlPlane: ControlPlane, nodes: Map<string, TalosNode>): pulumi.Output<string> {
    const { plan } = this.args;
    const first = nodes.get(plan.first.name);
    if (!first)
      throw new Error(`the plan names ${plan.first.name} as the first control plane, and no such node exists`);
    const begun = controlPlane.begin(first.configured);
    for (const node of nodes.values()) node.guard(controlPlane);
    if (wantsAddOns(plan)) this.createAddOns(name, begun);
    return begun.kubeconfig;
  }

  /** Loaded only when there are any: an update of one node has none, and the SDK of Kubernetes is large. */
  private createAddOns(name: string, { kubeconfig, bootstrap }: Begun): void {
    const { config, plan } = this.args;
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- loaded late, on purpose
    const { AddOns } = require('./addOns') as typeof import('./addOns');
    new AddOns(`${name}-add-ons`, { config, plan, kubeconfig, cluster: bootstrap }, { parent: this });
  }

  /**
   * Without a kubeconfig: the steps have a control plane hand one out when they run. A node's identity is older than the
   * first kubeconfig, and a copy in every lifecycle resource would make the state, which is written after every step,
   * several times as large.
   */
  private access(): pulumi.Output<BracketInputs['access']> {
    const { config, plan, proxmoxToken } = this.args;
    return pulumi.all([this.secrets.talosconfig, proxmoxToken]).apply(([machines, token]) => ({
      clusterName: config.cluster.name,
      kubeconfig: '',
      talosconfig: machines,
      controlPlanes: plan.controlPlanes.map((node) => targetOf(node).address),
      proxmoxEndpoint: config.proxmox.endpoint,
      proxmoxToken: token,
      ...(config.linstor && { linstor: linstorAccess(config.linstor) }),
    }));
  }
}
