import type * as pulumi from '@pulumi/pulumi';
import { type BracketArgs, bracketProvider, BracketResource } from './bracket';

const provider = bracketProvider('turn');

/** Outermost. Leave: the cluster's lease, then every other node and the storage healthy. Join: the health checks, then the lease given back. */
export class RolloutTurn extends BracketResource {
  constructor(name: string, args: BracketArgs, opts: pulumi.CustomResourceOptions) {
    super(provider, 'RolloutTurn', name, args, opts);
  }
}
