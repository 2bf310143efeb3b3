import type { Bracket, BracketInputs } from '@prox-ops/operations';
import * as pulumi from '@pulumi/pulumi';

/** Inputs of a lifecycle resource: the contract's, each possibly not known yet. */
export interface BracketArgs {
  node: BracketInputs['node'];
  access: pulumi.Output<BracketInputs['access']>;
  settings: BracketInputs['settings'];
  release: { [K in keyof BracketInputs['release']]: pulumi.Input<string> };
  /** Fed by the VM: when the VM is replaced this becomes unknown, and the resource is replaced with it. */
  vm: pulumi.Input<string>;
}

type Provider = pulumi.dynamic.ResourceProvider<BracketInputs, BracketInputs>;

/**
 * The provider of one kind of lifecycle resource: delete is its leave step, create its join step. It is serialised
 * into the state, and a delete runs the code found there, so it captures nothing but the step's name and requires
 * the compiled package when it runs: a node made long ago leaves by today's rules.
 */
export function bracketProvider(bracket: Bracket): Provider {
  return {
    async create(inputs) {
      // eslint-disable-next-line @typescript-eslint/no-require-imports -- a shim captures no module
      const operations = require('@prox-ops/operations') as typeof import('@prox-ops/operations');
      const found = await operations.join(bracket, inputs);
      return { id: `${inputs.node.name}/${bracket}`, outs: { ...inputs, found } };
    },
    async delete(_id, inputs) {
      // eslint-disable-next-line @typescript-eslint/no-require-imports -- a shim captures no module
      const operations = require('@prox-ops/operations') as typeof import('@prox-ops/operations');
      await operations.leave(bracket, inputs);
    },
    async diff(_id, olds, news) {
      // eslint-disable-next-line @typescript-eslint/no-require-imports -- a shim captures no module
      const operations = require('@prox-ops/operations') as typeof import('@prox-ops/operations');
      return Promise.resolve(operations.diffBracket(bracket, olds, news));
    },
    async update(_id, olds, news) {
      // Nothing happens in the cluster: the new inputs are stored, so that a later leave reads them.
      return Promise.resolve({ outs: { ...olds, ...news } });
    },
  };
}

/** A lifecycle resource of one node. */
export abstract class BracketResource extends pulumi.dynamic.Resource {
  protected constructor(
    provider: Provider,
    type: string,
    name: string,
    args: BracketArgs,
    opts: pulumi.CustomResourceOptions,
  ) {
    const inputs = { ...args, access: pulumi.secret(args.access), found: undefined };
    super(provider, name, inputs, { ...opts, deleteBeforeReplace: true }, 'prox-ops', type);
  }
}
