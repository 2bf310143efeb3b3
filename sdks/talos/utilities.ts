import * as pulumi from '@pulumi/pulumi';

/** Where the engine finds the plugin when it is not installed yet. */
const PLUGIN = {
  version: '0.8.1',
  pluginDownloadURL: 'github://api.github.com/pulumiverse',
} as const;

/** Resource options with the plugin's version and download address. */
export function resourceOptions(
  opts: pulumi.CustomResourceOptions = {},
  more: pulumi.CustomResourceOptions = {},
): pulumi.CustomResourceOptions {
  return pulumi.mergeOptions({ ...PLUGIN, ...more }, opts);
}

/** Invoke options with the plugin's version and download address. */
export function invokeOptions(opts: pulumi.InvokeOptions = {}): pulumi.InvokeOptions {
  return { ...PLUGIN, ...opts };
}
