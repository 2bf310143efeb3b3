import * as pulumi from '@pulumi/pulumi';
import type { MachineSecrets } from '../types/index.js';
import { invokeOptions } from '../utilities.js';

export interface GetConfigurationArgs {
  clusterName: string;
  /** https://host:6443 */
  clusterEndpoint: string;
  machineType: 'controlplane' | 'worker';
  machineSecrets: MachineSecrets;
  configPatches?: string[];
  /** Pin both: what is left out drifts with the provider's version. */
  kubernetesVersion?: string;
  talosVersion?: string;
  docs?: boolean;
  examples?: boolean;
}

export interface GetConfigurationResult {
  /** YAML, several documents. Secret. */
  machineConfiguration: string;
}

/** Renders a machine configuration. Uses no network. */
export function getConfigurationOutput(
  args: { [K in keyof GetConfigurationArgs]: pulumi.Input<GetConfigurationArgs[K]> },
  opts?: pulumi.InvokeOptions,
): pulumi.Output<GetConfigurationResult> {
  return pulumi.runtime.invokeOutput('talos:machine/getConfiguration:getConfiguration', args, invokeOptions(opts));
}
