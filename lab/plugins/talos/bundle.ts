import { parse, stringify } from 'yaml';
import { member, text } from '../protocol/read-value.js';
import type { PropertyMap } from '../protocol/values.js';

/** The form of talosctl's secrets.yaml. */
interface Bundle {
  cluster: { id: string; secret: string };
  secrets: { bootstraptoken: string; secretboxencryptionsecret?: string; aescbcencryptionsecret?: string };
  trustdinfo: { token: string };
  certs: Record<'etcd' | 'k8s' | 'k8saggregator' | 'os', { crt: string; key: string }> & {
    k8sserviceaccount: { key: string };
  };
}

const PAIRS = { etcd: 'etcd', k8s: 'k8s', k8sAggregator: 'k8saggregator', os: 'os' } as const;

/** From a secrets.yaml to the property `machineSecrets`. */
export function secretsFromBundle(yaml: string): PropertyMap {
  const bundle = parse(yaml) as Bundle;
  const certs = Object.entries(PAIRS).map(([name, key]) => {
    const { crt, key: privateKey } = bundle.certs[key];
    return [name, { cert: crt, key: privateKey }] as const;
  });
  const { bootstraptoken, secretboxencryptionsecret, aescbcencryptionsecret } = bundle.secrets;
  return {
    cluster: { ...bundle.cluster },
    secrets: {
      bootstrapToken: bootstraptoken,
      ...(secretboxencryptionsecret === undefined ? {} : { secretboxEncryptionSecret: secretboxencryptionsecret }),
      ...(aescbcencryptionsecret === undefined ? {} : { aescbcEncryptionSecret: aescbcencryptionsecret }),
    },
    trustdinfo: { token: bundle.trustdinfo.token },
    certs: { ...Object.fromEntries(certs), k8sServiceaccount: { key: bundle.certs.k8sserviceaccount.key } },
  };
}

/** From the property `machineSecrets` to a secrets.yaml. */
export function bundleFromSecrets(secrets: PropertyMap): string {
  const part = (name: string): PropertyMap => member(secrets[name]) ?? {};
  const certs = part('certs');
  const pairs = Object.entries(PAIRS).map(([name, key]) => {
    const pair = member(certs[name]) ?? {};
    return [key, { crt: text(pair['cert']), key: text(pair['key']) }] as const;
  });
  const keys = part('secrets');
  const optional = (name: string, value: string): Record<string, string> => (value === '' ? {} : { [name]: value });
  return stringify({
    cluster: { id: text(part('cluster')['id']), secret: text(part('cluster')['secret']) },
    secrets: {
      bootstraptoken: text(keys['bootstrapToken']),
      ...optional('secretboxencryptionsecret', text(keys['secretboxEncryptionSecret'])),
      ...optional('aescbcencryptionsecret', text(keys['aescbcEncryptionSecret'])),
    },
    trustdinfo: { token: text(part('trustdinfo')['token']) },
    certs: {
      ...Object.fromEntries(pairs),
      k8sserviceaccount: { key: text(member(certs['k8sServiceaccount'])?.['key']) },
    },
  });
}

/** Client credentials out of a talosconfig. */
export function clientFromTalosconfig(yaml: string): PropertyMap {
  const config = parse(yaml) as { context: string; contexts: Record<string, { ca: string; crt: string; key: string }> };
  const context = config.contexts[config.context];
  if (!context) throw new Error(`talosconfig: expected context '${config.context}', found none`);
  return { caCertificate: context.ca, clientCertificate: context.crt, clientKey: context.key };
}
