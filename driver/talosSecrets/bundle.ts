import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { parse, stringify } from 'yaml';
import { z } from 'zod';

const value = z.string().min(1);
const pair = z.strictObject({ crt: value, key: value });

/** Talos' own secrets.yaml, as `talosctl gen secrets` writes it and `talosctl gen config --with-secrets` reads it. */
const schema = z.strictObject({
  cluster: z.strictObject({ id: value, secret: value }),
  secrets: z.strictObject({
    bootstraptoken: value,
    secretboxencryptionsecret: value.optional(),
    aescbcencryptionsecret: value.optional(),
  }),
  trustdinfo: z.strictObject({ token: value }),
  certs: z.strictObject({
    etcd: pair,
    k8s: pair,
    k8saggregator: pair,
    k8sserviceaccount: z.strictObject({ key: value }),
    os: pair,
  }),
});

export type SecretsBundle = z.infer<typeof schema>;

/** Authorities of a cluster, as secrets.yaml names them. */
export const AUTHORITIES = ['os', 'k8s', 'etcd', 'k8saggregator'] as const;

interface MachineSecrets {
  cluster: { id: string; secret: string };
  secrets: Record<string, string | undefined>;
  trustdinfo: { token: string };
  certs: Record<string, { cert?: string; key?: string } | undefined>;
}

/** From the Talos provider's property `machineSecrets`, whose names differ. */
export function bundleOf({ cluster, secrets, trustdinfo, certs }: MachineSecrets): SecretsBundle {
  const authority = (name: string) => ({ crt: certs[name]?.cert ?? '', key: certs[name]?.key ?? '' });
  const { bootstrapToken = '', secretboxEncryptionSecret: secretbox, aescbcEncryptionSecret: aescbc } = secrets;
  return {
    cluster: { id: cluster.id, secret: cluster.secret },
    secrets: {
      bootstraptoken: bootstrapToken,
      ...(secretbox && { secretboxencryptionsecret: secretbox }),
      ...(aescbc && { aescbcencryptionsecret: aescbc }),
    },
    trustdinfo: { token: trustdinfo.token },
    certs: {
      etcd: authority('etcd'),
      k8s: authority('k8s'),
      k8saggregator: authority('k8sAggregator'),
      k8sserviceaccount: { key: certs['k8sServiceaccount']?.key ?? '' },
      os: authority('os'),
    },
  };
}

export function bundleText(bundle: SecretsBundle): string {
  return stringify(bundle, { lineWidth: 0 });
}

/** Reads a secrets.yaml. No problem tells a value. @returns the bundle, or what is wrong with the text. */
export function readBundle(text: string): { bundle: SecretsBundle } | { problems: string[] } {
  let document: unknown;
  try {
    document = parse(text);
  } catch {
    return { problems: ['expected YAML, found a text that is none'] };
  }
  if (typeof document === 'object' && document !== null && 'sops' in document)
    return { problems: ['expected a decrypted secrets.yaml, found one encrypted by sops'] };
  const { data, error } = schema.safeParse(document);
  if (error)
    return { problems: error.issues.map(({ path, message }) => `${path.join('.') || 'document'}: ${message}`) };
  const problems = AUTHORITIES.filter((name) => !fits(data.certs[name])).map(
    (name) => `certs.${name}: expected a certificate and the key that it was made with, found two that do not fit`,
  );
  return problems.length > 0 ? { problems } : { bundle: data };
}

function fits({ crt, key }: { crt: string; key: string }): boolean {
  try {
    // Talos labels its Ed25519 keys in a way of its own, which OpenSSL does not read.
    const pem = decoded(key).replaceAll('ED25519 PRIVATE KEY', 'PRIVATE KEY');
    return certificateOf(crt).checkPrivateKey(createPrivateKey(pem));
  } catch {
    return false;
  }
}

/** A certificate of a bundle or a client configuration: base64 of PEM. */
export function certificateOf(crt: string): X509Certificate {
  return new X509Certificate(decoded(crt));
}

function decoded(text: string): string {
  return Buffer.from(text, 'base64').toString('utf8');
}

/** Paths at which two bundles differ; the values are secrets. */
export function differences(left: object, right: object, path = ''): string[] {
  const names = new Set([...Object.keys(left), ...Object.keys(right)]);
  return [...names].flatMap((name) => {
    const [one, other] = [left, right].map((side) => (side as Record<string, unknown>)[name]);
    const here = path === '' ? name : `${path}.${name}`;
    if (typeof one === 'object' && typeof other === 'object' && one && other) return differences(one, other, here);
    return one === other ? [] : [here];
  });
}

/** Names an identity without telling anything of it: by the OS authority's public certificate. */
export function fingerprint({ certs }: SecretsBundle): string {
  return createHash('sha256').update(decoded(certs.os.crt)).digest('hex').slice(0, 16);
}
