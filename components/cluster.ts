import * as proxmox from '@muhlba91/pulumi-proxmoxve';
import type { BracketInputs } from '@prox-ops/operations';
import * as pulumi from '@pulumi/pulumi';
import * as talos from '@pulumiverse/talos';
import type { ClusterPlan } from '../config/plan';
import type { StackConfig } from '../config/schema';
import { AddOns } from './addOns';
import { ControlPlane } from './controlPlane';
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
  readonly controlPlane: ControlPlane;
  readonly secrets: TalosSecrets;
  private readonly proxmox: proxmox.Provider;
  private readonly talos: talos.Provider;

  constructor(
    name: string,
    private readonly args: ClusterArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super('prox-ops:cluster:Cluster', name, {}, opts);
    this.proxmox = this.createProxmoxProvider();
    this.talos = this.createTalosProvider();
    const templates = this.createTemplates(name);
    this.secrets = this.createSecrets(name);
    const nodes = this.createNodes(templates);
    this.controlPlane = this.createControlPlane(name, nodes);
    for (const node of nodes.values()) node.guard(this.controlPlane);
    if (AddOns.wanted(args.plan)) this.createAddOns(name);
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
    const args = { config, templates: plan.templates, proxmox: this.proxmox, talos: this.talos };
    return new NodeTemplates(`${name}-templates`, args, { parent: this });
  }

  private createSecrets(name: string): TalosSecrets {
    const { config, plan } = this.args;
    const talosVersion = plan.first.release.talos;
    const args = { clusterName: config.cluster.name, plan, talosVersion, provider: this.talos };
    return new TalosSecrets(name, args, { parent: this });
  }

  private createNodes(templates: NodeTemplates): Map<string, TalosNode> {
    const { config, plan } = this.args;
    const { secrets, proxmox, talos } = this;
    const access = this.access();
    const common = { config, plan, templates, secrets, access, proxmox, talos };
    return new Map(plan.nodes.map((node) => [node.name, new TalosNode({ ...common, node }, { parent: this })]));
  }

  private createControlPlane(name: string, nodes: Map<string, TalosNode>): ControlPlane {
    const { plan } = this.args;
    const first = nodes.get(plan.first.name);
    if (!first)
      throw new Error(`the plan names ${plan.first.name} as the first control plane, and no such node exists`);
    const args = { plan, secrets: this.secrets, configured: first.configured, provider: this.talos };
    return new ControlPlane(name, args, { parent: this });
  }

  private createAddOns(name: string): void {
    const { config, plan } = this.args;
    const { kubeconfig, bootstrap } = this.controlPlane;
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
      controlPlanes: plan.controlPlanes.map((node) => node.address),
      proxmoxEndpoint: config.proxmox.endpoint,
      proxmoxToken: token,
      ...(config.linstor && { linstor: linstorAccess(config.linstor) }),
    }));
  }
}

function linstorAccess(linstor: NonNullable<StackConfig['linstor']>): NonNullable<BracketInputs['access']['linstor']> {
  const { url, namespace, controllerSelector: selector } = linstor;
  return { namespace, selector, ...(url !== undefined && { url }) };
}
