import * as pulumi from '@pulumi/pulumi';
import { resourceOptions } from './utilities.js';

export interface ProviderArgs {
  /** Image factory; default https://factory.talos.dev */
  imageFactoryUrl?: pulumi.Input<string>;
}

/** The Talos provider. Credentials belong to the single resources, not to it. */
export class Provider extends pulumi.ProviderResource {
  constructor(name: string, args: ProviderArgs = {}, opts?: pulumi.ResourceOptions) {
    super('talos', name, { imageFactoryUrl: args.imageFactoryUrl }, resourceOptions(opts));
  }
}
