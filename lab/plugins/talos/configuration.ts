import { stringify } from 'yaml';
import type { FunctionCall, Failure } from '../protocol/provider.js';
import { flag, items, member, text, texts } from '../protocol/read-value.js';
import { secret } from '../protocol/values.js';
import type { PropertyMap } from '../protocol/values.js';
import { bundleFromSecrets } from './bundle.js';
import { withV } from './secrets.js';
import type { Talosctl } from './talosctl.js';

const DEFAULT_KUBERNETES = '1.36.0';

/** talos:machine/getConfiguration:getConfiguration. Rendered by talosctl; uses no network. */
export async function getMachineConfiguration(
  talosctl: Talosctl,
  { args }: FunctionCall,
): Promise<PropertyMap | Failure[]> {
  const failures = missing(args, ['clusterName', 'clusterEndpoint', 'machineType', 'machineSecrets']);
  const type = text(args['machineType']);
  if (type !== '' && !['controlplane', 'worker'].includes(type)) {
    failures.push({ property: 'machineType', reason: `expected controlplane or worker, found '${type}'` });
  }
  if (failures.length > 0) return failures;
  const machineConfiguration = await talosctl.cached(generation(args), {
    secrets: bundleFromSecrets(member(args['machineSecrets']) ?? {}),
    ...patchFiles(texts(args['configPatches'])),
  });
  return { ...args, id: text(args['clusterName']), machineConfiguration: secret(machineConfiguration) };
}

function generation(args: PropertyMap): string[] {
  const type = text(args['machineType']);
  const [name, endpoint] = [text(args['clusterName']), text(args['clusterEndpoint'])];
  const versions = ['--kubernetes-version', text(args['kubernetesVersion']).replace(/^v/, '') || DEFAULT_KUBERNETES];
  if (text(args['talosVersion']) !== '') versions.push('--talos-version', withV(text(args['talosVersion'])));
  const patches = Object.keys(patchFiles(texts(args['configPatches']))).flatMap((file) => [
    '--config-patch',
    `@{${file}}`,
  ]);
  const comments = [`--with-docs=${flag(args['docs'])}`, `--with-examples=${flag(args['examples'])}`];
  const output = ['--with-secrets', '{secrets}', '--output-types', type, '-o', '-'];
  return ['gen', 'config', name, endpoint, ...output, ...versions, ...comments, ...patches];
}

function patchFiles(patches: string[]): Record<string, string> {
  return Object.fromEntries(patches.map((patch, i) => [`patch-${i}`, patch]));
}

/** A machine configuration with patches applied; the same text when there are none. @throws Error as talosctl words it. */
export async function patchConfiguration(talosctl: Talosctl, config: string, patches: string[]): Promise<string> {
  if (patches.length === 0) return config;
  const files = { config, ...patchFiles(patches) };
  const flags = Object.keys(patchFiles(patches)).flatMap((file) => ['--patch', `@{${file}}`]);

  return talosctl.cached(['machineconfig', 'patch', '{config}', ...flags], files);
}

/** talos:client/getConfiguration:getConfiguration */
export function getClientConfiguration({ args }: FunctionCall): PropertyMap | Failure[] {
  const failures = missing(args, ['clusterName', 'clientConfiguration']);
  if (failures.length > 0) return failures;
  const name = text(args['clusterName']);
  const client = member(args['clientConfiguration']) ?? {};
  const context = {
    endpoints: texts(args['endpoints']),
    ...(items(args['nodes']).length > 0 && { nodes: texts(args['nodes']) }),
    ca: text(client['caCertificate']),
    crt: text(client['clientCertificate']),
    key: text(client['clientKey']),
  };
  const talosConfig = stringify({ context: name, contexts: { [name]: context } }, { indent: 4, lineWidth: 0 });
  return { ...args, id: name, talosConfig: secret(talosConfig) };
}

function missing(args: PropertyMap, names: string[]): Failure[] {
  const absent = names.filter((name) => args[name] === undefined);
  return absent.map((property) => ({ property, reason: 'missing required argument' }));
}
