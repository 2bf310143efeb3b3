import type * as pulumi from '@pulumi/pulumi';
import { type BracketArgs, bracketProvider, BracketResource } from './bracket';

const provider = bracketProvider('gate');

/** Innermost. Leave: the VM about to go is the one planned. Join: expected Talos and kubelet versions, node Ready. */
export class HealthGate extends BracketResource {
  constructor(name: string, args: BracketArgs, opts: pulumi.CustomResourceOptions) {
    super(provider, 'HealthGate', name, args, opts);
  }
}
