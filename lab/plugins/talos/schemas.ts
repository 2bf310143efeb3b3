import { block, bool, string } from '../protocol/schema.js';
import type { Property } from '../protocol/schema.js';

/** Blocks that several resources share. */

export const clientConfiguration = (options: { required?: boolean; outputOnly?: boolean } = {}): Property =>
  block(
    {
      caCertificate: string({ required: true }),
      clientCertificate: string({ required: true }),
      clientKey: string({ required: true, secret: true }),
    },
    options,
  );

export const timeouts = (...names: string[]): Property =>
  block(Object.fromEntries(names.map((name) => [name, string()])));

const certificate = block({ cert: string(), key: string({ secret: true }) });

export const machineSecrets: Property = block(
  {
    certs: block({
      etcd: certificate,
      k8s: certificate,
      k8sAggregator: certificate,
      k8sServiceaccount: block({ key: string({ secret: true }) }),
      os: certificate,
    }),
    cluster: block({ id: string(), secret: string({ secret: true }) }),
    secrets: block({
      aescbcEncryptionSecret: string({ secret: true }),
      bootstrapToken: string({ secret: true }),
      secretboxEncryptionSecret: string({ secret: true }),
    }),
    trustdinfo: block({ token: string({ secret: true }) }),
  },
  { outputOnly: true },
);

export const onDestroy: Property = block({
  graceful: bool({ default: true }),
  reboot: bool({ default: false }),
  reset: bool({ default: false }),
});
