import { Resolver } from 'node:dns/promises';
import type { ClusterEvidence } from './clusterEvidence';
import { ask } from './evidence';
import type { Leftover, Machine } from './leftover';

/** What a DNS server still says of a machine that is gone. */
export interface DnsAnswer {
  server: string;
  /** Name or address that was asked. */
  asked: string;
  answers: string[];
}

export interface DnsLookups {
  answers: DnsAnswer[];
  unknown: string[];
}

/** Milliseconds for a server that may well not be there. */
const TIMEOUT = 2_000;
/** Answers that say no; everything else is none. */
const ABSENT = ['ENOTFOUND', 'ENODATA', 'NXDOMAIN'];

export type Ask = (server: string, asked: string, kind: 'name' | 'address') => Promise<string[]>;

/** Asks the cluster's DNS servers for names and addresses of machines that are gone. Never throws. */
export async function lookUp(machines: Machine[], servers: string[], query: Ask = resolve): Promise<DnsLookups> {
  const found: DnsLookups = { answers: [], unknown: [] };
  for (const server of servers)
    for (const [asked, kind] of machines.flatMap(questions)) {
      const answers = await ask(found, `DNS server ${server}`, () => query(server, asked, kind));
      // One silence is enough: every further question would wait as long.
      if (answers === undefined) break;
      if (answers.length > 0) found.answers.push({ server, asked, answers });
    }
  return found;
}

function questions({ name, address }: Machine): [string, 'name' | 'address'][] {
  return [[name, 'name'], ...(address === '' ? [] : [[address, 'address'] as [string, 'address']])];
}

async function resolve(server: string, asked: string, kind: 'name' | 'address'): Promise<string[]> {
  const resolver = new Resolver({ timeout: TIMEOUT, tries: 1 });
  resolver.setServers([server]);
  try {
    return await (kind === 'name' ? resolver.resolve4(asked) : resolver.reverse(asked));
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (ABSENT.includes(code)) return [];
    throw error;
  }
}

/**
 * Records that lead to a machine that is gone: objects of external-dns, Services with addresses that somebody wrote down,
 * and what the DNS servers answer. The program makes none of them: they are told, never deleted.
 */
export function judgeNames(machines: Machine[], cluster: ClusterEvidence, lookups: DnsLookups): Leftover[] {
  return [...ofExternalDns(machines, cluster), ...ofServices(machines, cluster), ...ofServers(machines, lookups)];
}

function ofExternalDns(machines: Machine[], { dnsEndpoints }: ClusterEvidence): Leftover[] {
  return dnsEndpoints.flatMap(({ metadata, spec }) =>
    (spec?.endpoints ?? []).flatMap(({ dnsName = '', recordType = 'A', targets = [] }) => {
      const gone = machines.find(({ name, address }) => targets.includes(address) || isOf(dnsName, name));
      if (!gone) return [];
      const { namespace = 'default', name } = metadata;
      const evidence = `${recordType} record to ${targets.join(', ')}; ${whose(gone)}`;
      const remedy = `kubectl --namespace ${namespace} edit dnsendpoint ${name}`;
      return [told(dnsName, `DNSEndpoint ${namespace}/${name}`, evidence, remedy)];
    }),
  );
}

const SERVICE = 'kubernetes.io/service-name';
const MANAGED_BY = 'endpointslice.kubernetes.io/managed-by';
/** Controllers that make slices from pods and nodes that live: they mend them by themselves. */
const CONTROLLERS = ['endpointslice-controller.k8s.io', 'controller-manager'];

function ofServices(machines: Machine[], { endpointSlices }: ClusterEvidence): Leftover[] {
  return endpointSlices.flatMap(({ metadata, endpoints = [] }) => {
    const { namespace = 'default', name, labels = {} } = metadata;
    if (CONTROLLERS.includes(labels[MANAGED_BY] ?? '')) return [];
    const addresses = endpoints.flatMap((endpoint) => endpoint.addresses ?? []);
    const gone = machines.find(({ address }) => address !== '' && addresses.includes(address));
    if (!gone) return [];
    const service = `${labels[SERVICE] ?? name}.${namespace}.svc`;
    const evidence = `leads to ${gone.address}; ${whose(gone)}`;
    return [
      told(
        service,
        `EndpointSlice ${namespace}/${name}`,
        evidence,
        `kubectl --namespace ${namespace} edit endpointslice ${name}`,
      ),
    ];
  });
}

function ofServers(machines: Machine[], { answers }: DnsLookups): Leftover[] {
  return answers.flatMap(({ server, asked, answers: found }) => {
    const gone = machines.find(({ name, address }) => asked === name || asked === address);
    if (!gone) return [];
    const evidence = `answers ${found.join(', ')}; ${whose(gone)}`;
    return [told(asked, `DNS server ${server}`, evidence, 'remove the record there')];
  });
}

function isOf(dnsName: string, machine: string): boolean {
  return dnsName.split('.')[0]?.toLowerCase() === machine.toLowerCase();
}

function whose({ name }: Machine): string {
  return `the machine of ${name} is on no host`;
}

function told(name: string, where: string, evidence: string, remedy: string): Leftover {
  return { kind: 'DNS record', name, where, verdict: 'stale', evidence, remedy };
}
