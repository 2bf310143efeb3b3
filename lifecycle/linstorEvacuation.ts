import type * as pulumi from '@pulumi/pulumi';
import { type BracketArgs, bracketProvider, BracketResource } from './bracket';

const provider = bracketProvider('evacuation');

/** Leave: nothing faulty, evacuate, no replica left in the guarded pool. Join: satellite online, restore, settle. */
export class LinstorEvacuation extends BracketResource {
  constructor(name: string, args: BracketArgs, opts: pulumi.CustomResourceOptions) {
    super(provider, 'LinstorEvacuation', name, args, opts);
  }
}
