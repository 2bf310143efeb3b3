import { X509Certificate } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { parse } from 'yaml';
import { load } from '../protocol/lazy.js';
import { PlannedResource } from '../protocol/planned-resource.js';
import type { PlannedFrom } from '../protocol/planned-resource.js';
import type { State, UpdateCall } from '../protocol/provider.js';
import { member, text } from '../protocol/read-value.js';
import { block, string } from '../protocol/schema.js';
import type { Deadline } from '../protocol/timing.js';
import { UNKNOWN } from '../protocol/values.js';
import type { PropertyMap } from '../protocol/values.js';
import { targetOf } from './configuration-apply.js';
import { deadlineOf, durationSeconds } from './durations.js';
import { onMachine, untilDeadline } from './machine-api.js';
import { clientConfiguration, timeouts } from './schemas.js';

/** talos:cluster/kubeconfig:Kubeconfig. Fetched again only when its certificate is about to expire. */
export class KubeconfigResource extends PlannedResource {
  constructor() {
    super({
      node: string({ required: true }),
      endpoint: string({ computed: true }),
      clientConfiguration: clientConfiguration({ required: true }),
      certificateRenewalDuration: string({ default: '720h' }),
      timeouts: timeouts('create', 'update'),
      kubeconfigRaw: string({ outputOnly: true, secret: true }),
      kubernetesClientConfiguration: block(
        {
          host: string(),
          caCertificate: string(),
          clientCertificate: string(),
          clientKey: string({ secret: true }),
        },
        { outputOnly: true },
      ),
    });
  }

  protected override refine(planned: PropertyMap, { inputs, state }: PlannedFrom): PropertyMap {
    const refined = { ...planned, endpoint: inputs['endpoint'] ?? planned['node'] };
    if (!state || !isExpiring(state)) return refined;
    return { ...refined, kubeconfigRaw: UNKNOWN, kubernetesClientConfiguration: UNKNOWN };
  }

  protected async make(planned: PropertyMap): Promise<State> {
    const raw = await fetchKubeconfig(planned, deadlineOf(planned['timeouts'], 'create'));
    const { cluster, client } = readKubeconfig(raw);
    return { id: cluster, properties: { ...planned, kubeconfigRaw: raw, kubernetesClientConfiguration: client } };
  }

  protected async change(planned: PropertyMap, call: UpdateCall): Promise<PropertyMap> {
    const { kubeconfigRaw, kubernetesClientConfiguration } = call.olds;
    if (!isExpiring(call.olds)) return { ...planned, kubeconfigRaw, kubernetesClientConfiguration };
    const raw = await fetchKubeconfig(planned, deadlineOf(planned['timeouts'], 'update'));
    return { ...planned, kubeconfigRaw: raw, kubernetesClientConfiguration: readKubeconfig(raw).client };
  }
}

/** @throws Error when the certificate in the state cannot be read: that shows only at the second run. */
function isExpiring(state: PropertyMap): boolean {
  const client = member(state['kubernetesClientConfiguration']);
  const certificate = Buffer.from(text(client?.['clientCertificate']), 'base64').toString('utf8');
  if (certificate === '') return false;
  if (!certificate.includes('-----BEGIN CERTIFICATE-----')) {
    throw new Error('failed to decode kubernetes client certificate: failed to decode PEM block');
  }
  const renewal = durationSeconds(text(state['certificateRenewalDuration']) || '720h');
  return new Date(new X509Certificate(certificate).validTo).getTime() < Date.now() + renewal * 1000;
}

async function fetchKubeconfig(properties: PropertyMap, deadline: Deadline): Promise<string> {
  try {
    const chunks = await untilDeadline(deadline, () =>
      onMachine(targetOf(properties), deadline, (machine) =>
        machine.stream<{ bytes: Buffer }>('machine', 'Kubeconfig'),
      ),
    );
    return await unpack(Buffer.concat(chunks.map(({ bytes }) => bytes)));
  } catch (error) {
    throw new Error(`failed to retrieve kubeconfig: ${(error as Error).message}`);
  }
}

/** The machine API sends a tar.gz with the one file `kubeconfig`. */
function unpack(archive: Buffer): Promise<string> {
  const { extract } = load('tar-stream') as typeof import('tar-stream');
  return new Promise((resolve, reject) => {
    let content: string | undefined;
    const tar = extract();
    tar.on('entry', (header, stream, next) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: unknown) => chunks.push(chunk as Buffer));
      stream.on('end', () => {
        if (header.name === 'kubeconfig') content = Buffer.concat(chunks).toString('utf8');
        next();
      });
    });
    tar.on('error', reject);
    tar.on('finish', () =>
      content === undefined ? reject(new Error('the archive holds no kubeconfig')) : resolve(content),
    );
    tar.end(gunzipSync(archive));
  });
}

interface Kubeconfig {
  'current-context': string;
  contexts: { name: string; context: { cluster: string; user: string } }[];
  clusters: { name: string; cluster: { server: string; 'certificate-authority-data'?: string } }[];
  users: { name: string; user: { 'client-certificate-data'?: string; 'client-key-data'?: string } }[];
}

function readKubeconfig(raw: string): { cluster: string; client: PropertyMap } {
  const config = parse(raw) as Kubeconfig;
  const context = config.contexts.find(({ name }) => name === config['current-context'])?.context;
  const cluster = config.clusters.find(({ name }) => name === context?.cluster)?.cluster;
  const user = config.users.find(({ name }) => name === context?.user)?.user;
  if (!context || !cluster || !user) throw new Error('failed to parse kubeconfig: its current context is not complete');
  return {
    cluster: context.cluster,
    client: {
      host: cluster.server,
      caCertificate: cluster['certificate-authority-data'] ?? '',
      clientCertificate: user['client-certificate-data'] ?? '',
      clientKey: user['client-key-data'] ?? '',
    },
  };
}
