import type { BracketInputs, IdentityInputs, NodeTarget } from '@prox-ops/operations';
import * as pulumi from '@pulumi/pulumi';

export interface NodeIdentityArgs {
  node: NodeTarget;
  /** In the order of the NICs. */
  macs: string[];
  access: pulumi.Output<BracketInputs['access']>;
  settings: BracketInputs['settings'];
}

const provider: pulumi.dynamic.ResourceProvider<IdentityInputs, IdentityInputs> = {
  async create(inputs) {
    return Promise.resolve({ id: inputs.node.uuid, outs: inputs });
  },
  async diff(_id, olds, news) {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- a shim captures no module
    const operations = require('@prox-ops/operations') as typeof import('@prox-ops/operations');
    return Promise.resolve(operations.diffIdentity(olds, news));
  },
  async update(_id, _olds, news) {
    return Promise.resolve({ outs: news });
  },
  async delete(_id, inputs) {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- a shim captures no module
    const operations = require('@prox-ops/operations') as typeof import('@prox-ops/operations');
    await operations.removeNode(inputs);
  },
};

/**
 * What stays the same for a node's life: SMBIOS UUID and MACs. It lies below the VM and survives its replacement (the
 * VM depends on it by order alone), so its delete runs only when a node leaves the program for good, after its VM is
 * gone: what Kubernetes, LINSTOR and etcd still remember of the node is removed then.
 */
export class NodeIdentity extends pulumi.dynamic.Resource {
  constructor(name: string, args: NodeIdentityArgs, opts: pulumi.CustomResourceOptions) {
    super(provider, name, { ...args, access: pulumi.secret(args.access) }, opts, 'prox-ops', 'NodeIdentity');
  }
}
