import * as pulumi from '@pulumi/pulumi';
import * as talos from '@pulumiverse/talos';
import type { ClusterPlan } from '../config/plan';
import type { TalosSecrets } from './talosSecrets';

export interface ControlPlaneArgs {
  plan: ClusterPlan;
  secrets: TalosSecrets;
  provider: talos.Provider;
}

/** A cluster that was begun. */
export interface Begun {
  /** Secret. */
  kubeconfig: pulumi.Output<string>;
  /** Made once in a cluster's life. */
  bootstrap: pulumi.Resource;
}

/** etcd bootstrapped once, and the kubeconfig that comes of it. */
export class ControlPlane extends pulumi.ComponentResource {
  constructor(
    private readonly name: string,
    private readonly args: ControlPlaneArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super('prox-ops:cluster:ControlPlane', name, {}, opts);
    this.registerOutputs({});
  }

  /** @param configured the first control plane's applied configuration: etcd can be bootstrapped after it. */
  begin(configured: pulumi.Resource): Begun {
    const bootstrap = this.createBootstrap(configured);
    return { bootstrap, kubeconfig: this.createKubeconfig(bootstrap) };
  }

  private createBootstrap(configured: pulumi.Resource): talos.machine.Bootstrap {
    const { plan, secrets, provider } = this.args;
    return new talos.machine.Bootstrap(
      `${this.name}-bootstrap`,
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

  private createKubeconfig(bootstrap: pulumi.Resource): pulumi.Output<string> {
    const { plan, secrets, provider } = this.args;
    const kubeconfig = new talos.cluster.Kubeconfig(
      `${this.name}-kubeconfig`,
      { node: plan.first.address, clientConfiguration: secrets.clientConfiguration },
      { parent: this, provider, dependsOn: [bootstrap] },
    );
    return pulumi.secret(kubeconfig.kubeconfigRaw);
  }
}
