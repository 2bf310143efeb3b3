/** Parsers for what talosctl prints (facts: talos-wire.md). It has no JSON for etcd, only tables. */

export interface MachineStatus {
  /** booting, installing, maintenance, running, rebooting, shutting down, resetting, upgrading, unknown */
  stage: string;
  ready: boolean;
  /** Why it is not ready. */
  unmet: string[];
}

export interface Extension {
  name: string;
  version: string;
}

export interface EtcdMember {
  /** 16 hexadecimal digits; as a number it would lose its low bits. */
  id: string;
  /** Empty for a member that was added and never started. */
  hostname: string;
  peerUrls: string[];
  learner: boolean;
}

export interface EtcdStatus {
  id: string;
  leader: string;
  raftIndex: number;
  raftAppliedIndex: number;
  learner: boolean;
  errors: string;
}

/** A network interface, physical or not. */
export interface Link {
  name: string;
  /** ether, loopback ... */
  type: string;
  /** In lower case. */
  mac: string;
  up: boolean;
}

export interface LinkAddress {
  link: string;
  /** In CIDR notation. */
  address: string;
}

/** A machine as the cluster's discovery tells of it. */
export interface DiscoveredMember {
  hostname: string;
  addresses: string[];
  machineType: string;
}

/** A machine's clock beside that of its time server, milliseconds since the epoch. */
export interface ClockReading {
  server: string;
  machine: number;
  reference: number;
}

/** Output that is not what talosctl prints for the command. */
export class UnexpectedOutput extends Error {
  override readonly name = 'UnexpectedOutput';
}

/** `get -o json`: indented objects one after the other, not an array. */
export function parseObjects<T>(text: string): T[] {
  const objects = text.split(/^(?=\{)/m).filter((part) => part.trim() !== '');
  return objects.map((part) => {
    try {
      return JSON.parse(part) as T;
    } catch {
      throw new UnexpectedOutput(`expected JSON objects from talosctl, found ${JSON.stringify(part.slice(0, 80))}`);
    }
  });
}

export function parseMachineStatus(text: string): MachineStatus | undefined {
  type Shape = {
    spec?: { stage?: string; status?: { ready?: boolean; unmetConditions?: { name: string; reason: string }[] } };
  };
  const [object] = parseObjects<Shape>(text);
  if (object?.spec?.stage === undefined) return undefined;
  const { stage, status } = object.spec;
  const unmet = (status?.unmetConditions ?? []).map(({ name, reason }) => `${name}: ${reason}`);
  return { stage, ready: status?.ready ?? false, unmet };
}

export function parseExtensions(text: string): Extension[] {
  type Shape = { spec?: { metadata?: { name?: string; version?: string } } };
  return parseObjects<Shape>(text).flatMap(({ spec }) => {
    const { name, version } = spec?.metadata ?? {};
    return name === undefined ? [] : [{ name, version: version ?? '' }];
  });
}

/** The spec is a YAML string; before Talos had configurations of several documents it was an object. */
export function parseMachineConfiguration(text: string): string | undefined {
  const [object] = parseObjects<{ spec?: unknown }>(text);
  if (typeof object?.spec === 'string') return object.spec;
  // JSON is YAML.
  return object?.spec === undefined ? undefined : JSON.stringify(object.spec);
}

export function parseAddresses(text: string): string[] {
  return parseObjects<{ spec?: { address?: string } }>(text).flatMap(({ spec }) => spec?.address ?? []);
}

export function parseLinkAddresses(text: string): LinkAddress[] {
  return parseObjects<{ spec?: { address?: string; linkName?: string } }>(text).flatMap(({ spec }) =>
    spec?.address === undefined ? [] : [{ address: spec.address, link: spec.linkName ?? '' }],
  );
}

export function parseLinks(text: string): Link[] {
  type Spec = { type?: string; hardwareAddr?: string; permanentAddr?: string; linkState?: boolean };
  return parseObjects<{ metadata?: { id?: string }; spec?: Spec }>(text).map(({ metadata, spec }) => ({
    name: metadata?.id ?? '',
    type: spec?.type ?? '',
    mac: (spec?.permanentAddr ?? spec?.hardwareAddr ?? '').toLowerCase(),
    up: spec?.linkState === true,
  }));
}

export function parseDiscovered(text: string): DiscoveredMember[] {
  type Spec = { hostname?: string; addresses?: string[]; machineType?: string };
  return parseObjects<{ spec?: Spec }>(text).map(({ spec }) => ({
    hostname: spec?.hostname ?? '',
    addresses: spec?.addresses ?? [],
    machineType: spec?.machineType ?? '',
  }));
}

/** Times as Go prints them: 2026-11-21 21:17:00.123456789 +0000 UTC. */
export function parseClock(text: string): ClockReading | undefined {
  const [row] = parseTable(text, ['NTP-SERVER', 'NODE-TIME', 'NTP-SERVER-TIME']);
  if (!row) return undefined;
  const [machine, reference] = [row['NODE-TIME'], row['NTP-SERVER-TIME']].map(goTime);
  if (machine === undefined || reference === undefined)
    throw new UnexpectedOutput(`expected two times from talosctl, found ${JSON.stringify(row)}`);
  return { server: row['NTP-SERVER'] ?? '', machine, reference };
}

function goTime(text = ''): number | undefined {
  const [, day = '', time = '', fraction = ''] = /^(\S+) (\d\d:\d\d:\d\d)(\.\d{1,3})?\d* \+0000 UTC/.exec(text) ?? [];
  const at = Date.parse(`${day}T${time}${fraction}Z`);
  return Number.isNaN(at) ? undefined : at;
}

export function parseVersion(text: string): string | undefined {
  type Shape = { version?: { tag?: string } };
  return parseObjects<Shape>(text)[0]?.version?.tag;
}

export function parseMembers(text: string): EtcdMember[] {
  return parseTable(text, ['ID', 'HOSTNAME', 'PEER URLS', 'LEARNER']).map((row) => ({
    id: row['ID'] ?? '',
    hostname: row['HOSTNAME'] ?? '',
    peerUrls: (row['PEER URLS'] ?? '').split(',').filter((url) => url !== ''),
    learner: row['LEARNER'] === 'true',
  }));
}

/**
 * `service NAME` prints a field a line, and the events, newest first, with what led to the present state:
 * `EVENTS   [Failed]: Failed to run pre stage: ... (3s ago)`.
 */
export function parseService(text: string): string | undefined {
  const field = (name: string): string | undefined => new RegExp(`^${name} +(.*)$`, 'm').exec(text)?.[1]?.trim();
  const state = field('STATE');
  const event = /^\[\w+\]: (.*?)(?: \([^()]* ago\))?$/.exec(field('EVENTS') ?? '')?.[1];
  return state === undefined ? undefined : [state, ...(event ? [event] : [])].join(': ');
}

export function parseEtcdStatus(text: string): EtcdStatus | undefined {
  const columns = ['MEMBER', 'LEADER', 'RAFT INDEX', 'RAFT APPLIED INDEX', 'LEARNER', 'ERRORS'];
  const [row] = parseTable(text, columns);
  if (!row) return undefined;
  return {
    id: row['MEMBER'] ?? '',
    leader: row['LEADER'] ?? '',
    raftIndex: Number(row['RAFT INDEX']),
    raftAppliedIndex: Number(row['RAFT APPLIED INDEX']),
    learner: row['LEARNER'] === 'true',
    errors: row['ERRORS'] ?? '',
  };
}

/**
 * A table with aligned columns. Cells are cut at the places where the headings stand: they may be empty (the host name of
 * a member that never started) and hold single blanks. @throws UnexpectedOutput when a heading is missing.
 */
function parseTable(text: string, expected: string[]): Record<string, string>[] {
  const [header = '', ...lines] = text.split('\n').filter((line) => line.trim() !== '');
  const headings = [...header.matchAll(/\S+(?: \S+)*/g)].map((match) => ({ name: match[0], at: match.index }));
  const missing = expected.filter((name) => !headings.some((heading) => heading.name === name));
  if (missing.length > 0) {
    throw new UnexpectedOutput(
      `expected talosctl to print the columns ${missing.join(', ')}, found ${JSON.stringify(header)}`,
    );
  }
  return lines.map((line) =>
    Object.fromEntries(headings.map(({ name, at }, index) => [name, line.slice(at, headings[index + 1]?.at).trim()])),
  );
}
