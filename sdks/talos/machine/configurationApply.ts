import * as pulumi from '@pulumi/pulumi';
import type { ClientConfigurationArgs, TimeoutsArgs } from '../types/index.js';
import { resourceOptions } from '../utilities.js';

export interface ConfigurationApplyArgs {
  /** Address of the machine. */
  node: pulumi.Input<string>;
  /** Address the machine API is dialled at; default: `node`. */
  endpoint?: pulumi.Input<string>;
  clientConfiguration: pulumi.Input<ClientConfigurationArgs>;
  /** Secret. */
  machineConfigurationInput: pulumi.Input<string>;
  configPatches?: pulumi.Input<pulumi.Input<string>[]>;
  applyMode?: pulumi.Input<'auto' | 'reboot' | 'no_reboot' | 'staged' | 'staged_if_needing_reboot'>;
  /** Values are taken from the state when the resource is deleted. */
  onDestroy?: pulumi.Input<{
    reset?: pulumi.Input<boolean>;
    graceful?: pulumi.Input<boolean>;
    reboot?: pulumi.Input<boolean>;
  }>;
  timeouts?: pulumi.Input<TimeoutsArgs>;
}

/**
 * A machine configuration, applied. Returns with the call: it waits for no install, reboot or health. The provider
 * has no replacement rule for it: tie it to its VM with `replaceOnChanges: ["node"]` and a `node` fed by the VM.
 */
export class ConfigurationApply extends pulumi.CustomResource {
  static readonly __pulumiType = 'talos:machine/configurationApply:ConfigurationApply';

  declare readonly node: pulumi.Output<string>;
  declare readonly endpoint: pulumi.Output<string>;
  /** Secret. */
  declare readonly machineConfiguration: pulumi.Output<string>;
  /** sha256 of the machine configuration. */
  declare readonly machineConfigurationHash: pulumi.Output<string>;
  declare readonly resolvedApplyMode: pulumi.Output<string>;

  constructor(name: string, args: ConfigurationApplyArgs, opts?: pulumi.CustomResourceOptions) {
    const inputs: pulumi.Inputs = {
      ...args,
      machineConfigurationInput: pulumi.secret(args.machineConfigurationInput),
      machineConfiguration: undefined,
      machineConfigurationHash: undefined,
      resolvedApplyMode: undefined,
    };
    const secrets = { additionalSecretOutputs: ['machineConfiguration', 'machineConfigurationInput'] };
    super(ConfigurationApply.__pulumiType, name, inputs, resourceOptions(opts, secrets));
  }
}
