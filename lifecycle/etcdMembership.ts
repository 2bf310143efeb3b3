import type * as pulumi from '@pulumi/pulumi';
import { type BracketArgs, bracketProvider, BracketResource } from './bracket';

const provider = bracketProvider('etcd');

/** Control planes. Leave: snapshot, quorum without this member, leadership forfeited, gone. Join: a healthy, caught-up voter. */
export class EtcdMembership extends BracketResource {
  constructor(name: string, args: BracketArgs, opts: pulumi.CustomResourceOptions) {
    super(provider, 'EtcdMembership', name, args, opts);
  }
}
