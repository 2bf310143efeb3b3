import { X509Certificate } from 'node:crypto';
import { connect } from 'node:tls';
import { messageOf } from '../runtime/errors.js';
import { verdict, type Check } from '../checks/check.js';
import type { ExpectedCluster } from './expected.js';
import { span } from './volumes.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** What people renew is to be renewed in time. */
const LEAST = 30 * DAY;
/** Talos gives its machine API certificates for a day and renews them at half of it. */
const LEAST_MACHINE = HOUR;
const PATIENCE = 10_000;
const MACHINE_API = 50_000;

interface Server {
  what: string;
  host: string;
  port: number;
  /** Milliseconds that must be left. */
  least: number;
  /** PEM; absent: not for us to judge. */
  authority?: string;
}

/** One certificate that was looked at. */
interface Looked {
  what: string;
  /** Milliseconds since the epoch. */
  ends?: number;
  problem?: string;
}

export function certificatesCheck(expected: ExpectedCluster): Check {
  return {
    id: 'certificates',
    describe: 'certificates of clients and servers are valid for long enough, and of the right authority',
    how: 'kubeconfig and talosconfig of the state; a TLS handshake with the Kubernetes API, every machine API and Proxmox',
    run: async ({ access, clock }) => {
      const now = clock.now();
      const held = expected.certificates.map(({ what, pem }) => judged(what, heldEnd(pem), LEAST, now));
      const shown = await Promise.all(serversOf(expected, access.proxmoxEndpoint).map((server) => served(server, now)));
      const all = [...held, ...shown];
      const problems = all.flatMap(({ what, problem }) => (problem === undefined ? [] : [`${what}: ${problem}`]));
      return verdict(
        problems,
        'valid certificates of the right authority',
        `${all.length} valid; ${nextEnd(all, now)}`,
      );
    },
  };
}

function serversOf({ nodes, endpoint, authorities }: ExpectedCluster, proxmox: string): Server[] {
  const api = new URL(endpoint);
  const hypervisor = new URL(proxmox);
  return [
    {
      what: 'Kubernetes API',
      host: api.hostname,
      port: Number(api.port),
      least: LEAST,
      authority: authorities.kubernetes,
    },
    ...nodes.map(({ name, address: host }) => ({
      what: `machine API of ${name}`,
      host,
      port: MACHINE_API,
      least: LEAST_MACHINE,
      authority: authorities.talos,
    })),
    { what: 'Proxmox', host: hypervisor.hostname, port: Number(hypervisor.port) || 443, least: LEAST },
  ];
}

function heldEnd(pem: string): number {
  return Date.parse(new X509Certificate(pem).validTo);
}

/** The certificate is shown before a client has to show one of its own. */
async function served({ what, host, port, least, authority }: Server, now: number): Promise<Looked> {
  return new Promise((resolve) => {
    const trust = authority === undefined ? {} : { ca: authority };
    const socket = connect({ host, port, timeout: PATIENCE, rejectUnauthorized: false, ...trust });
    const end = (looked: Looked): void => {
      socket.destroy();
      resolve(looked);
    };
    socket.on('secureConnect', () => {
      const { valid_to: validTo } = socket.getPeerCertificate();
      const reason = authority === undefined || socket.authorized ? undefined : messageOf(socket.authorizationError);
      const looked = judged(what, Date.parse(validTo), least, now);
      end(
        reason === undefined ? looked : { ...looked, problem: `not vouched for by the cluster's authority: ${reason}` },
      );
    });
    socket.on('timeout', () => end({ what, problem: `no answer within ${PATIENCE / 1000} s` }));
    socket.on('error', (error) => end({ what, problem: messageOf(error) }));
  });
}

function judged(what: string, ends: number, least: number, now: number): Looked {
  const left = ends - now;
  if (left >= least) return { what, ends };
  const problem = left <= 0 ? `expired ${span(-left)} ago` : `ends in ${span(left)}, expected at least ${span(least)}`;
  return { what, ends, problem };
}

/** Those of the machine API always end within a day. */
function nextEnd(all: Looked[], now: number): string {
  const [next] = all
    .filter(({ what, ends }) => ends !== undefined && !what.startsWith('machine API'))
    .sort((left, right) => (left.ends ?? 0) - (right.ends ?? 0));
  return next?.ends === undefined ? 'none has an end' : `the next to end: ${next.what}, in ${span(next.ends - now)}`;
}
