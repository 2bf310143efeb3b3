import * as pulumi from '@pulumi/pulumi';
import type { ClientConfiguration, MachineSecrets } from '../types/index.js';
import { resourceOptions } from '../utilities.js';

export interface SecretsArgs {
  /** Talos version the secrets are made for. The provider replaces the secrets, and with them every CA, when it goes down. */
  talosVersion?: pulumi.Input<string>;
}

/** The cluster's identity: tokens and certificate authorities. Deleting it drops the state only. */
export class Secrets extends pulumi.CustomResource {
  static readonly __pulumiType = 'talos:machine/secrets:Secrets';

  declare readonly machineSecrets: pulumi.Output<MachineSecrets>;
  declare readonly clientConfiguration: pulumi.Output<ClientConfiguration>;
  declare readonly talosVersion: pulumi.Output<string>;

  constructor(name: string, args: SecretsArgs = {}, opts?: pulumi.CustomResourceOptions) {
    super(
      Secrets.__pulumiType,
      name,
      { talosVersion: args.talosVersion, machineSecrets: undefined, clientConfiguration: undefined },
      resourceOptions(opts),
    );
  }
}
