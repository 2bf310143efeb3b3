import * as pulumi from '@pulumi/pulumi';
import { resourceOptions } from '../utilities.js';

export interface SchematicArgs {
  /** Schematic as YAML text. */
  schematic: pulumi.Input<string>;
}

/**
 * A schematic, known to the image factory; its id is the schematic's hash. An update would leave the old id in the
 * state (the engine keeps ids), so an edited schematic replaces the resource.
 */
export class Schematic extends pulumi.CustomResource {
  static readonly __pulumiType = 'talos:imageFactory/schematic:Schematic';

  declare readonly schematic: pulumi.Output<string>;

  constructor(name: string, args: SchematicArgs, opts?: pulumi.CustomResourceOptions) {
    super(Schematic.__pulumiType, name, { ...args }, resourceOptions(opts, { replaceOnChanges: ['schematic'] }));
  }
}
