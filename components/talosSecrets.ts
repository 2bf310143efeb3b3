import * as pulumi from '@pulumi/pulumi';
import * as talos from '@pulumiverse/talos';
import type { ClusterPlan } from '../config/plan';

export interface TalosSecretsArgs {
  clusterName: string;
  plan: ClusterPlan;
  /** Talos version the cluster was first built with. */
  talosVersion: string;
  /** Path of an existing secrets.yaml to take the identity from. Read once: later it may be absent, or changed. */
  importFrom?: string;
  provider: talos.Provider;
}

/** The cluster's identity (R002-1). Protected and retained: losing it means a new cluster, even with every disk intact. */
export class TalosSecrets extends pulumi.ComponentResource {
  readonly machineSecrets: pulumi.Output<talos.types.MachineSecrets>;
  readonly clientConfiguration: pulumi.Output<talos.types.ClientConfiguration>;
  /** Secret. Made of the secrets alone, so it is there before the first node is. */
  readonly talosconfig: pulumi.Output<string>;

  constructor(name: string, args: TalosSecretsArgs, opts?: pulumi.ComponentResourceOptions) {
    super('prox-ops:talos:TalosSecrets', name, {}, opts);
    const secrets = new talos.machine.Secrets(
      `${name}-secrets`,
      { talosVersion: args.talosVersion },
      // A lower version would make the provider regenerate every CA: the version of the first build is kept for good.
      {
        parent: this,
        provider: args.provider,
        protect: true,
        retainOnDelete: true,
        ignoreChanges: ['talosVersion'],
        ...(args.importFrom !== undefined && { import: args.importFrom }),
      },
    );
    this.machineSecrets = pulumi.secret(secrets.machineSecrets);
    this.clientConfiguration = pulumi.secret(secrets.clientConfiguration);
    this.talosconfig = this.createTalosconfig(args);
    this.registerOutputs({});
  }

  private createTalosconfig(args: TalosSecretsArgs): pulumi.Output<string> {
    const rendered = talos.client.getConfigurationOutput(
      {
        clusterName: args.clusterName,
        clientConfiguration: this.clientConfiguration,
        endpoints: args.plan.controlPlanes.map((node) => node.address),
        nodes: [args.plan.first.address],
      },
      { parent: this, provider: args.provider },
    );
    return pulumi.secret(rendered.talosConfig);
  }
}
