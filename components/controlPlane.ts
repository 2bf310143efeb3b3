import * as pulumi from '@pulumi/pulumi';
import * as talos from '@pulumiverse/talos';
import type { ClusterPlan } from '../config/plan';
import type { TalosSecrets } from './talosSecrets';

export interface ControlPlaneArgs {
  plan: ClusterPlan;
  secrets: TalosSecrets;
  /** The first control plane's applied configuration: etcd can be bootstrapped after it. */
  configured: pulumi.Resource;
  provider: talos.Provider;
}

/** etcd bootstrapped once, and the kubeconfig that comes of it. */
export class ControlPlane extends pulumi.ComponentResource {
  /** Secret. */
  readonly kubeconfig: pulumi.Output<string>;
  /** Made once in a cluster's life. */
  readonly bootstrap: pulumi.Resource;

  constructor(
    name: string,
    private readonly args: ControlPlaneArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super('prox-ops:cluster:ControlPlane', name, {}, opts);
    this.bootstrap = this.createBootstrap(name);
    this.kubeconfig = this.createKubeconfig(name, this.bootstrap);
    this.registerOutputs({});
  }

  private createBootstrap(name: string): talos.machine.Bootstrap {
    const { plan, secrets, configured, provider } = this.args;
    return new talos.machine.Bootstrap(
      `${name}-bootstrap`,
      {
        node: plan.first.address,
        clientConfiguration: secrets.clientConfiguration,
        timeouts: { create: '10m' },
      },
      // Made again, it would retry AlreadyExists until its timeout: nothing may ever change or replace it.
      {
        parent: this,
        provider,
        dependsOn: [configured],
        ignoreChanges: ['node', 'endpoint', 'clientConfiguration', 'timeouts'],
      },
    );
  }

  private createKubeconfig(name: string, bootstrap: pulumi.Resource): pulumi.Output<string> {
    const { plan, secrets, provider } = this.args;
    const kubeconfig = new talos.cluster.Kubeconfig(
      `${name}-kubeconfig`,
      { node: plan.first.address, clientConfiguration: secrets.clientConfiguration },
      { parent: this, provider, dependsOn: [bootstrap] },
    );
    return pulumi.secret(kubeconfig.kubeconfigRaw);
  }
}
