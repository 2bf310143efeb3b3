import { plain, secret, type Deployment, type StateEntry } from '../adopt/deployment';
import { SECRETS_TYPE } from '../adopt/stateEntries';
import { BOOTSTRAP_TYPE, CONFIGURATION_TYPE } from '../state';

const CONTROL_PLANE_TYPE = 'prox-ops:cluster:ControlPlane';

/**
 * The state with the bootstrap that a recovery has done: the provider has no recovery, and would try its own for ten
 * minutes against an etcd that has data. It is written as its create would have left it (components/controlPlane.ts), so
 * that nothing is done for it ever again.
 * @throws Error when the state lacks what it belongs to.
 */
export function withBootstrap(exported: Deployment, first: { name: string; address: string }): Deployment {
  const { resources = [] } = exported.deployment;
  if (resources.some(({ type }) => type === BOOTSTRAP_TYPE)) return exported;
  const parent = one(resources, CONTROL_PLANE_TYPE);
  const holder = one(resources, SECRETS_TYPE);
  const configured = one(resources, CONFIGURATION_TYPE, `::${first.name}-config`);
  const client = (plain(holder.outputs) as { clientConfiguration?: unknown }).clientConfiguration;
  const inputs = {
    node: first.address,
    clientConfiguration: secret(client),
    timeouts: { create: '10m' },
  };
  const entry: StateEntry = {
    urn: childUrn(parent, BOOTSTRAP_TYPE, 'bootstrap'),
    type: BOOTSTRAP_TYPE,
    custom: true,
    id: 'machine_bootstrap',
    inputs,
    outputs: { ...inputs, endpoint: first.address },
    parent: parent.urn,
    ...(holder.provider !== undefined && { provider: holder.provider }),
    dependencies: [configured.urn, holder.urn],
    propertyDependencies: { clientConfiguration: [holder.urn], node: [], timeouts: [] },
  };
  return { ...exported, deployment: { ...exported.deployment, resources: [...resources, entry] } };
}

function one(resources: StateEntry[], type: string, suffix = ''): StateEntry {
  const found = resources.find((entry) => entry.type === type && entry.urn.endsWith(suffix) && entry.delete !== true);
  if (!found) throw new Error(`expected ${type}${suffix} in the state before etcd is recovered, found none`);
  return found;
}

/** A child is named by its parent and its own kind. */
function childUrn({ urn }: StateEntry, type: string, kind: string): string {
  const [head, types, name] = /^(urn:pulumi:[^:]+::[^:]+)::(.+)::([^:]+)$/.exec(urn)?.slice(1) ?? [];
  return `${head}::${types}$${type}::${name}-${kind}`;
}
