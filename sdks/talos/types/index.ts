import type * as pulumi from '@pulumi/pulumi';

/** Client credentials of the machine API, base64-encoded PEM. */
export interface ClientConfiguration {
  caCertificate: string;
  clientCertificate: string;
  /** Secret. */
  clientKey: string;
}

export type ClientConfigurationArgs = { [K in keyof ClientConfiguration]: pulumi.Input<ClientConfiguration[K]> };

export interface Certificate {
  cert: string;
  key: string;
}

/** Everything a cluster's identity consists of; the same shape as talosctl's secrets.yaml. */
export interface MachineSecrets {
  cluster: { id: string; secret: string };
  secrets: { bootstrapToken: string; secretboxEncryptionSecret: string; aescbcEncryptionSecret?: string };
  trustdinfo: { token: string };
  certs: {
    etcd: Certificate;
    k8s: Certificate;
    k8sAggregator: Certificate;
    k8sServiceaccount: { key: string };
    os: Certificate;
  };
}

export interface KubernetesClientConfiguration {
  host: string;
  caCertificate: string;
  clientCertificate: string;
  /** Secret. */
  clientKey: string;
}

/** Durations as Go writes them, e.g. "10m". */
export interface TimeoutsArgs {
  create?: pulumi.Input<string>;
  update?: pulumi.Input<string>;
  delete?: pulumi.Input<string>;
}
