import { parse } from 'yaml';
import { BOOTSTRAP_TYPE, CONFIGURATION_TYPE, VM_TYPE } from '../state';
import { entryFor, hasUnknown, secret, type StateEntry } from './deployment';
import { inputsAfter, type PlannedResource } from './enginePlan';

export const SECRETS_TYPE = 'talos:machine/secrets:Secrets';
export const KUBECONFIG_TYPE = 'talos:cluster/kubeconfig:Kubeconfig';
const DYNAMIC = 'pulumi-nodejs:dynamic/prox-ops:';

/** What a lifecycle resource of the type is called in its id (lifecycle/bracket.ts). */
const BRACKET_IDS: Record<string, string> = {
  RolloutTurn: 'turn',
  NodeDrain: 'drain',
  LinstorEvacuation: 'evacuation',
  EtcdMembership: 'etcd',
  HealthGate: 'gate',
};

/** What providers can read by themselves. */
export function isRead({ type }: PlannedResource): boolean {
  return type === VM_TYPE || type === SECRETS_TYPE;
}

/**
 * State entries for what no provider can import: it is written as its create would have left it on a node that never
 * left the cluster. Nothing is sent to a machine for it. Undefined for what the first update may create.
 */
export function writtenEntry(planned: PlannedResource, kubeconfig: string): StateEntry | undefined {
  const inputs = inputsAfter({}, planned.inputDiff);
  switch (planned.type) {
    case CONFIGURATION_TYPE:
      return entryFor(planned, { id: 'machine_configuration_apply', outputs: applied(planned) });
    case BOOTSTRAP_TYPE:
      return entryFor(planned, { id: 'machine_bootstrap', outputs: planned.outputs });
    case KUBECONFIG_TYPE:
      return entryFor(planned, kubeconfigFields(planned, kubeconfig));
    default:
      return planned.type.startsWith(DYNAMIC) ? lifecycleEntry(planned, inputs) : undefined;
  }
}

/** A mode that depends on the machine's answer is known only once it was asked. */
function applied({ outputs }: PlannedResource): Record<string, unknown> {
  const { applyMode = 'auto', resolvedApplyMode } = outputs;
  const mode = hasUnknown(resolvedApplyMode) ? applyMode : resolvedApplyMode;
  return { ...outputs, id: 'machine_configuration_apply', resolvedApplyMode: mode };
}

/** The join found a node that had never left: that is what is noted. */
function lifecycleEntry(planned: PlannedResource, inputs: Record<string, unknown>): StateEntry | undefined {
  const kind = planned.type.slice(DYNAMIC.length);
  const { name, uuid } = (inputs['node'] ?? {}) as { name?: string; uuid?: string };
  if (kind === 'NodeIdentity') return entryFor(planned, { id: uuid ?? '', outputs: inputs });
  const bracket = BRACKET_IDS[kind];
  if (bracket === undefined) return undefined;
  return entryFor(planned, { id: `${name}/${bracket}`, outputs: { ...inputs, found: { node: 'adopted' } } });
}

interface Kubeconfig {
  'current-context'?: string;
  contexts?: { name: string; context: { cluster: string; user: string } }[];
  clusters?: { name: string; cluster: { server: string; 'certificate-authority-data'?: string } }[];
  users?: { name: string; user: { 'client-certificate-data'?: string; 'client-key-data'?: string } }[];
}

/** What the provider keeps of a kubeconfig beside its text. */
export interface KubernetesClient {
  host: string;
  /** Each base64 of PEM. */
  caCertificate: string;
  clientCertificate: string;
  clientKey: string;
}

/** The current context of a kubeconfig: the cluster's name, and the client that it makes. */
export function kubeconfigClient(text: string): { cluster: string; client: KubernetesClient } {
  const config = parse(text) as Kubeconfig;
  const context = config.contexts?.find(({ name }) => name === config['current-context'])?.context;
  const cluster = config.clusters?.find(({ name }) => name === context?.cluster)?.cluster;
  const user = config.users?.find(({ name }) => name === context?.user)?.user;
  const client = {
    host: cluster?.server ?? '',
    caCertificate: cluster?.['certificate-authority-data'] ?? '',
    clientCertificate: user?.['client-certificate-data'] ?? '',
    clientKey: user?.['client-key-data'] ?? '',
  };
  return { cluster: context?.cluster ?? '', client };
}

function kubeconfigFields(planned: PlannedResource, text: string): Pick<StateEntry, 'id' | 'outputs'> {
  const { cluster, client } = kubeconfigClient(text);
  const kubernetesClientConfiguration = { ...client, clientKey: secret(client.clientKey) };
  const outputs = { ...planned.outputs, kubeconfigRaw: secret(text), kubernetesClientConfiguration };
  return { id: cluster, outputs };
}
