import * as pulumi from '@pulumi/pulumi';
import type { ClientConfiguration } from '../types/index.js';
import { invokeOptions } from '../utilities.js';

export interface GetConfigurationArgs {
  clusterName: string;
  clientConfiguration: ClientConfiguration;
  /** Control planes: only they forward calls to other nodes. */
  endpoints?: string[];
  nodes?: string[];
}

export interface GetConfigurationResult {
  /** YAML. Secret. */
  talosConfig: string;
}

/** Renders a talosconfig. Uses no network. */
export function getConfigurationOutput(
  args: { [K in keyof GetConfigurationArgs]: pulumi.Input<GetConfigurationArgs[K]> },
  opts?: pulumi.InvokeOptions,
): pulumi.Output<GetConfigurationResult> {
  return pulumi.runtime.invokeOutput('talos:client/getConfiguration:getConfiguration', args, invokeOptions(opts));
}
