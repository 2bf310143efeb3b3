import { generateKeyPairSync, randomBytes } from 'node:crypto';
import type { SecretsBundle } from '../../driver/talosSecrets/bundle';
import { createAuthority, type AuthorityAlgorithm } from '../../lab/world/certificates';

/** A secrets.yaml as Talos would make it, with real authorities and keys that open nothing. */
export async function someSecrets(): Promise<SecretsBundle> {
  const [os, k8s, etcd, k8saggregator] = await Promise.all([
    authority('ed25519'),
    authority('ecdsa'),
    authority('ecdsa'),
    authority('ecdsa'),
  ]);
  return {
    cluster: { id: random(), secret: random() },
    secrets: { bootstraptoken: random(), secretboxencryptionsecret: random() },
    trustdinfo: { token: random() },
    certs: { os, k8s, etcd, k8saggregator, k8sserviceaccount: { key: serviceAccountKey() } },
  };
}

async function authority(algorithm: AuthorityAlgorithm): Promise<{ crt: string; key: string }> {
  const { crt, key } = await createAuthority({ commonName: 'test', algorithm });
  return { crt: base64(crt), key: base64(key) };
}

function serviceAccountKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return base64(privateKey.export({ type: 'sec1', format: 'pem' }).toString());
}

function random(): string {
  return randomBytes(24).toString('base64');
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
