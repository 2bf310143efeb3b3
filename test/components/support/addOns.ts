import * as pulumi from '@pulumi/pulumi';
import { AddOns } from '../../../components/addOns';
import { type AddonsPlan, planCluster, wantsAddOns } from '../../../config/plan';
import type { StackConfig } from '../../../config/schema';
import { production } from '../../support/stack-files';

export interface Registration {
  type: string;
  name: string;
  inputs: Record<string, unknown> & { metadata?: Metadata; rules?: { verbs: string[] }[] };
  opts: pulumi.CustomResourceOptions;
}

interface Metadata {
  name: string;
  namespace?: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
}

export const NONE: AddonsPlan = {
  driverAccess: false,
  nvidiaRuntimeClass: false,
  linstorHostDevices: [],
  automation: false,
};

export interface Built {
  /** Objects and providers. */
  found: Registration[];
  cluster: pulumi.Resource;
}

/** Everything that the add-ons of the production stack register, with its options. */
export async function buildAddOns(
  addons: Partial<AddonsPlan>,
  change: (config: StackConfig) => void = () => undefined,
): Promise<Built> {
  const config = production();
  change(config);
  const plan = { ...planCluster(config), addons: { ...NONE, ...addons } };
  const found: Registration[] = [];
  await pulumi.runtime.setMocks({
    newResource: ({ type, name, inputs }) => {
      const known = found.find((one) => one.type === type && one.name === name);
      if (known) known.inputs = inputs as Registration['inputs'];
      return { id: `${name}-id`, state: inputs as object };
    },
    call: () => ({}),
  });
  // Mocks are not shown a resource's options; a transformation is.
  const record: pulumi.ResourceTransformation = ({ type, name, opts }) => {
    found.push({ type, name, inputs: {}, opts });
    return undefined;
  };
  const cluster = new pulumi.ComponentResource('test:Cluster', 'whole');
  const kubeconfig = pulumi.secret('kind: Config');
  if (wantsAddOns(plan)) new AddOns('prod', { config, plan, kubeconfig, cluster }, { transformations: [record] });
  await pulumi.runtime.disconnect();
  const isObject = ({ type }: Registration) => type.startsWith('kubernetes:') || type.startsWith('pulumi:providers');
  return { found: found.filter(isObject), cluster };
}
