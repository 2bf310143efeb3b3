import * as pulumi from '@pulumi/pulumi';
import type { ClientConfigurationArgs, KubernetesClientConfiguration, TimeoutsArgs } from '../types/index.js';
import { resourceOptions } from '../utilities.js';

export interface KubeconfigArgs {
  /** Address of a control plane. */
  node: pulumi.Input<string>;
  endpoint?: pulumi.Input<string>;
  clientConfiguration: pulumi.Input<ClientConfigurationArgs>;
  /** Fetched again when its certificate expires within this time; default "720h". */
  certificateRenewalDuration?: pulumi.Input<string>;
  timeouts?: pulumi.Input<Pick<TimeoutsArgs, 'create' | 'update'>>;
}

/** The cluster's admin kubeconfig. */
export class Kubeconfig extends pulumi.CustomResource {
  static readonly __pulumiType = 'talos:cluster/kubeconfig:Kubeconfig';

  /** YAML. Secret. */
  declare readonly kubeconfigRaw: pulumi.Output<string>;
  declare readonly kubernetesClientConfiguration: pulumi.Output<KubernetesClientConfiguration>;

  constructor(name: string, args: KubeconfigArgs, opts?: pulumi.CustomResourceOptions) {
    const inputs = { ...args, kubeconfigRaw: undefined, kubernetesClientConfiguration: undefined };
    const secrets = { additionalSecretOutputs: ['kubeconfigRaw'] };
    super(Kubeconfig.__pulumiType, name, inputs, resourceOptions(opts, secrets));
  }
}
