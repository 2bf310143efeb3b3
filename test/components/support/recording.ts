/* eslint-disable @typescript-eslint/no-explicit-any -- inputs as providers get them, which have no types */
import * as pulumi from '@pulumi/pulumi';
import { MockMonitor } from '@pulumi/pulumi/runtime/mocks';
import { Cluster } from '../../../components/cluster';
import { planCluster, type ClusterPlan } from '../../../config/plan';
import type { StackConfig } from '../../../config/schema';
import { validate } from '../../../config/validate';
import { join } from 'node:path';
import { rawStack, REPOSITORY } from '../../support/stack-files';

export interface Registration {
  type: string;
  name: string;
  /** As the mocks see them: secrets are opened. */
  inputs: Record<string, any>;
  opts: pulumi.CustomResourceOptions;
  /** Names of the resources it depends on. */
  dependsOn: string[];
  parent: string;
  /** Top-level inputs that are secret. */
  secrets: string[];
}

export const TOKEN = 'prox-ops@pve!test=00000000-0000-4000-8000-000000000000';
/** The SDK's mocks say that they support hooks and lack the call that registers one: every resource would wait for it. */
Object.assign(MockMonitor.prototype, {
  registerResourceHook: (_request: unknown, done: (error: null, response: object) => void) => {
    done(null, {});
  },
});

const RENDERED = 'version: v1alpha1';

/** The production stack file's configuration with some of it changed. */
export function configuration(change: (raw: Record<string, any>) => void = () => undefined): StackConfig {
  const raw = rawStack(join(REPOSITORY, 'Pulumi.prod.yaml'));
  change(raw);
  return validate(raw);
}

/** Every resource that the cluster's components register, with the options that mocks are not shown. */
export class Recording {
  private constructor(
    readonly plan: ClusterPlan,
    readonly all: Registration[],
    /** Arguments of each function call, by token. */
    readonly calls: { token: string; inputs: Record<string, any> }[],
  ) {}

  static async of(config: StackConfig, plan = planCluster(config)): Promise<Recording> {
    const inputs = new Map<string, Record<string, any>>();
    const calls: Recording['calls'] = [];
    await pulumi.runtime.setMocks({
      newResource: (args) => {
        inputs.set(`${args.type} ${args.name}`, args.inputs);
        return { id: `${args.name}-id`, state: { ...args.inputs, ...outputs(args.type) } };
      },
      call: ({ token, inputs: given }) => {
        calls.push({ token, inputs: given });
        return { ...given, machineConfiguration: RENDERED, talosConfig: 'context: test' };
      },
    });
    const seen: { type: string; name: string; props: Record<string, unknown>; opts: pulumi.CustomResourceOptions }[] =
      [];
    const record: pulumi.ResourceTransformation = ({ type, name, props, opts }) => {
      seen.push({ type, name, props, opts });
      return undefined;
    };
    const args = { config, plan, proxmoxToken: pulumi.secret(TOKEN) };
    new Cluster(config.cluster.name, args, { transformations: [record] });
    await pulumi.runtime.disconnect();
    const all = await Promise.all(
      seen.map(async ({ type, name, props, opts }) => ({
        type,
        name,
        inputs: inputs.get(`${type} ${name}`) ?? {},
        opts,
        dependsOn: await namesOf(opts.dependsOn),
        parent: opts.parent ? await nameOf(opts.parent) : '',
        secrets: await secretsIn(props),
      })),
    );
    return new Recording(plan, all, calls);
  }

  /** The one resource of that name. */
  get(name: string): Registration {
    const found = this.all.filter((registration) => registration.name === name);
    if (found.length !== 1) throw new Error(`expected one resource ${name}, found ${found.length}`);
    return found[0] as Registration;
  }

  ofType(type: string): Registration[] {
    return this.all.filter((registration) => registration.type === type);
  }
}

/** What the providers would compute. */
function outputs(type: string): object {
  if (type === 'talos:machine/secrets:Secrets')
    return { machineSecrets: { cluster: { id: 'x' } }, clientConfiguration: { clientKey: 'y' } };
  if (type === 'talos:cluster/kubeconfig:Kubeconfig') return { kubeconfigRaw: 'apiVersion: v1' };
  return {};
}

async function namesOf(dependsOn: unknown): Promise<string[]> {
  const list = (Array.isArray(dependsOn) ? dependsOn : dependsOn === undefined ? [] : [dependsOn]) as pulumi.Resource[];
  return (await Promise.all(list.map(nameOf))).sort();
}

/** The last part of a URN is the resource's name. */
async function nameOf(resource: pulumi.Resource): Promise<string> {
  const urn = await new Promise<string>((resolve) => resource.urn.apply(resolve));
  return urn.split('::').slice(3).join('::');
}

async function secretsIn(props: Record<string, unknown>): Promise<string[]> {
  const flags = await Promise.all(
    Object.entries(props).map(async ([name, value]) => ({ name, secret: await isSecret(value) })),
  );
  return flags.filter(({ secret }) => secret).map(({ name }) => name);
}

async function isSecret(value: unknown): Promise<boolean> {
  return pulumi.Output.isInstance(value) ? pulumi.isSecret(value) : false;
}
