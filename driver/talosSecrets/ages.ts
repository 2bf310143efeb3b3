import { AUTHORITIES, certificateOf } from './bundle';
import type { HeldSecrets } from './held';

/** Days after which a secret is to be rotated (R004-NFR). */
export const ROTATION_DAYS = 90;
/** Days before the end of a certificate from which on it is due as well. */
const EXPIRY_DAYS = 30;
const DAY = 86_400_000;

export interface SecretAge {
  name: string;
  /** Days since it was made; undefined where nothing tells. */
  days: number | undefined;
  /** Of certificates. */
  expires?: Date;
  due: boolean;
  /** How it is made anew. */
  rotation: string;
}

/** What can be made anew while the cluster runs. */
export const TALOSCONFIG = "client certificate of the administrator's talosconfig";
export const KUBECONFIG = "client certificate of the administrator's kubeconfig";
export const PROXMOX_TOKEN = 'Proxmox API token';

const REBUILD = 'part of the identity: a new cluster';
const CLIENT = 'prox-ops secrets rotate';
const PROXMOX = 'a new one in Proxmox, then prox-ops secrets rotate --proxmox-token FILE';
const TOKEN = 'nodes join with it: a new cluster';

/** The secrets of a cluster with their ages: of certificates from themselves, of the others since the state has them. */
export function agesOf(held: HeldSecrets, now: Date): SecretAge[] {
  const kept = (name: string, rotation: string, since = held.created): SecretAge => {
    const days = since && daysBetween(since, now);
    return { name, days, due: isDue(days), rotation };
  };
  const client = (name: string, certificate: string | undefined): SecretAge[] =>
    certificate === undefined ? [] : [certificateAge(name, certificate, CLIENT, now)];
  const { certs, secrets } = held.bundle;
  return [
    ...client(TALOSCONFIG, held.clientCertificate),
    ...client(KUBECONFIG, held.kubeconfigCertificate),
    ...(held.tokenSince === undefined ? [] : [kept(PROXMOX_TOKEN, PROXMOX, held.tokenSince)]),
    ...AUTHORITIES.map((name) => certificateAge(`certs.${name}`, certs[name].crt, REBUILD, now)),
    kept('certs.k8sserviceaccount', REBUILD),
    kept('cluster.secret', TOKEN),
    ...Object.keys(secrets).map((name) => kept(`secrets.${name}`, name === 'bootstraptoken' ? TOKEN : REBUILD)),
    kept('trustdinfo.token', TOKEN),
  ];
}

function certificateAge(name: string, crt: string, rotation: string, now: Date): SecretAge {
  const certificate = certificateOf(crt);
  const expires = new Date(certificate.validTo);
  const days = daysBetween(new Date(certificate.validFrom), now);
  const due = isDue(days) || daysBetween(now, expires) < EXPIRY_DAYS;
  return { name, days, expires, due, rotation };
}

function isDue(days: number | undefined): boolean {
  return days === undefined || days > ROTATION_DAYS;
}

function daysBetween(from: Date, to: Date): number {
  return Math.floor((to.getTime() - from.getTime()) / DAY);
}
