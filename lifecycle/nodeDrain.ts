import type * as pulumi from '@pulumi/pulumi';
import { type BracketArgs, bracketProvider, BracketResource } from './bracket';

const provider = bracketProvider('drain');

/** Leave: cordon, evict through the eviction API, volumes detached. Join: uncordon what we cordoned. */
export class NodeDrain extends BracketResource {
  constructor(name: string, args: BracketArgs, opts: pulumi.CustomResourceOptions) {
    super(provider, 'NodeDrain', name, args, opts);
  }
}
