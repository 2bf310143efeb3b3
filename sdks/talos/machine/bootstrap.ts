import * as pulumi from '@pulumi/pulumi';
import type { ClientConfigurationArgs, TimeoutsArgs } from '../types/index.js';
import { resourceOptions } from '../utilities.js';

export interface BootstrapArgs {
  /** Address of the one control plane that starts etcd. */
  node: pulumi.Input<string>;
  endpoint?: pulumi.Input<string>;
  clientConfiguration: pulumi.Input<ClientConfigurationArgs>;
  timeouts?: pulumi.Input<Pick<TimeoutsArgs, 'create'>>;
}

/**
 * etcd, bootstrapped. Update and delete do nothing; on a cluster that already runs, create retries `AlreadyExists`
 * until its timeout and then fails.
 */
export class Bootstrap extends pulumi.CustomResource {
  static readonly __pulumiType = 'talos:machine/bootstrap:Bootstrap';

  declare readonly node: pulumi.Output<string>;

  constructor(name: string, args: BootstrapArgs, opts?: pulumi.CustomResourceOptions) {
    super(Bootstrap.__pulumiType, name, { ...args }, resourceOptions(opts));
  }
}
