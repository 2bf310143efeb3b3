import { composeNode, disksOf, roleHardware, variantOf, type Raw } from './composeNodes';
import { networkOf, networksOf, nicsOf, vipOf } from './composeNetwork';
import { findTemplates, templateIds } from './composeTemplates';
import type { Findings } from './findings';
import { at, mainDocument, strings, text } from './liveCluster';
import type { LiveProxmox, LiveVm } from './liveProxmox';
import type { Pair } from './pairing';
import { mostCommon } from './properties';

export interface LiveLinstor {
  namespace: string;
  url?: string;
  pools: string[];
}

export interface ComposeOptions {
  /** https URL of the Proxmox API. */
  endpoint: string;
  /** Another image factory than the public one. */
  imageFactory: string | undefined;
  linstor: LiveLinstor | undefined;
}

export interface Composed {
  /** One property for each key of the stack file. */
  raw: Record<string, Raw>;
  /** Templates that are taken over, by the program's keys. */
  templates: Map<string, LiveVm>;
}

/** The stack file that describes what is there. What cannot be described is told in `findings`. */
export function compose(pairs: Pair[], live: LiveProxmox, options: ComposeOptions, findings: Findings): Composed {
  const releases = composeReleases(pairs, findings);
  const templates = findTemplates(pairs, live, releases.a.talos, findings);
  const networks = networksOf(pairs);
  const roles = { controlplane: roleHardware(pairs, 'controlplane'), worker: roleHardware(pairs, 'worker') };
  const cluster = composeCluster(pairs, findings);
  const nodes = pairs.map((pair): [string, Raw] => {
    const release = pair.node.talos === releases.a.talos ? undefined : 'b';
    return [pair.node.name, composeNode(pair, { clusterName: cluster.name, roles, networks, release, findings })];
  });
  const { linstor } = options;
  const raw = {
    cluster,
    proxmox: composeProxmox(pairs, live, options, templates, findings),
    talos: composeTalos(pairs, options),
    releases: { active: 'a', ...releases },
    roles: { controlplane: withoutNone(roles.controlplane), worker: withoutNone(roles.worker) },
    ...(Object.keys(networks).length > 0 && { networks }),
    nodes: Object.fromEntries(nodes),
    ...(linstor && { linstor: composeLinstor(linstor) }),
    // The first update is to write nothing into the cluster.
    addons: { driverAccess: false, nvidiaRuntimeClass: false },
  };
  return { raw, templates };
}

function withoutNone({ dataDisk, ...hardware }: ReturnType<typeof roleHardware>): Raw {
  return { ...hardware, ...(dataDisk > 0 && { dataDisk }) };
}

interface RawRelease {
  talos: string;
  kubernetes: string;
}

/** Slot a is what most nodes run; nodes in the middle of an upgrade run slot b. */
function composeReleases(pairs: Pair[], findings: Findings): { a: RawRelease; b?: RawRelease } {
  const counts = [...new Set(pairs.map(({ node }) => node.talos))];
  const main = mostCommon(pairs.map(({ node }) => node.talos)) ?? '';
  const others = counts.filter((version) => version !== main);
  if (others.length > 1)
    findings.problem(`releases: expected at most two Talos releases at a time, found ${counts.join(', ')}`);
  const release = (talos: string): RawRelease => ({ talos, kubernetes: kubernetesOf(pairs, talos, findings) });
  const [other] = others;
  return { a: release(main), ...(other !== undefined && { b: release(other) }) };
}

function kubernetesOf(pairs: Pair[], talos: string, findings: Findings): string {
  const own = pairs.filter(({ node }) => node.talos === talos);
  const main = mostCommon(own.map(({ node }) => node.kubernetes)) ?? '';
  for (const { node } of own.filter(({ node: { kubernetes } }) => kubernetes !== main))
    findings.problem(`nodes.${node.name}: expected kubelet ${main} as on the others, found ${node.kubernetes}`);
  return main;
}

function composeCluster(pairs: Pair[], findings: Findings): Raw & { name: string } {
  const nodes = pairs.map(({ node }) => node);
  const main = mainDocument(nodes.find(({ role }) => role === 'controlplane')?.documents ?? []);
  const first = pairs.flatMap((pair) => nicsOf(pair).slice(0, 1));
  const cluster = at(main, 'cluster', 'network');
  const own = (...path: string[]): string[] => strings(at(main, 'machine', ...path));
  return {
    name: text(at(main, 'cluster', 'clusterName')) ?? '',
    vip: vipOf(nodes, findings),
    subnet: mostCommon(first.flatMap(({ address }) => (address === undefined ? [] : [networkOf(address)]))) ?? '',
    gateway: mostCommon(first.flatMap(({ gateway }) => gateway ?? [])) ?? '',
    nameservers: or(own('network', 'nameservers'), ['1.1.1.1', '1.0.0.1']),
    timeServers: or(own('time', 'servers'), ['time.cloudflare.com']),
    podSubnets: or(strings(at(cluster, 'podSubnets')), ['10.244.0.0/16']),
    serviceSubnets: or(strings(at(cluster, 'serviceSubnets')), ['10.96.0.0/12']),
    cni: at(cluster, 'cni', 'name') === 'none' ? 'none' : 'flannel',
  };
}

/** Talos' own defaults where the configuration says nothing. */
function or(found: string[], otherwise: string[]): string[] {
  return found.length > 0 ? found : otherwise;
}

function composeProxmox(
  pairs: Pair[],
  live: LiveProxmox,
  { endpoint }: ComposeOptions,
  templates: Map<string, LiveVm>,
  findings: Findings,
): Raw {
  const hosts = live.hosts.map(({ storages, pci, ...host }) => ({
    ...host,
    storages: storages.map(({ name }) => name),
    ...(pci.length > 0 && { pci }),
  }));
  const nics = pairs.map(nicsOf);
  const disks = pairs.map(disksOf);
  const storage = mostCommon(disks.flatMap(([system]) => system?.storage ?? [])) ?? '';
  const trunkBridge = mostCommon(nics.flatMap(([, ...others]) => others.map(({ bridge }) => bridge)));
  return {
    endpoint,
    hosts,
    bridge: mostCommon(nics.flatMap(([first]) => first?.bridge ?? [])) ?? '',
    ...(trunkBridge !== undefined && { trunkBridge }),
    storage,
    dataStorage: mostCommon(disks.flatMap(([, data]) => data?.storage ?? [])) ?? storage,
    imageStorage: imageStorage(live, findings),
    templateIds: templateIds(
      live.hosts.map(({ name }) => name),
      live,
      templates,
    ),
    cpuType: mostCommon(pairs.map(({ vm }) => (vm.config['cpu'] ?? 'kvm64').split(',')[0] ?? '')) ?? 'host',
  };
}

/** A storage that every host has and that takes imported images. */
function imageStorage({ hosts }: LiveProxmox, findings: Findings): string {
  const able = hosts.map(({ storages }) => storages.filter(({ content }) => content.includes('import')));
  const everywhere = able[0]?.find(({ name }) =>
    able.every((storages) => storages.some((other) => other.name === name)),
  );
  if (everywhere) return everywhere.name;
  findings.problem(
    'proxmox.imageStorage: expected a storage on every host with the content type `import`, found none; add it to a ' +
      'directory storage in Proxmox (Datacenter, Storage)',
  );
  return '';
}

/** Extensions as most nodes of a variant have them; machines tell their names without the author. */
function composeTalos(pairs: Pair[], { imageFactory }: ComposeOptions): Raw {
  const of = (variant: 'standard' | 'gpu'): string[] => {
    const own = pairs.filter((pair) => variantOf(pair) === variant);
    const common = mostCommon((own.length > 0 ? own : pairs).map(({ node }) => node.extensions.join(' '))) ?? '';
    return common
      .split(' ')
      .filter((name) => name !== '')
      .map((name) => `siderolabs/${name}`);
  };
  const extensions = { standard: of('standard'), gpu: of('gpu') };
  return { ...(imageFactory !== undefined && { imageFactory }), extensions };
}

function composeLinstor({ namespace, url, pools }: LiveLinstor): Raw {
  const storagePool = mostCommon(pools);
  return { ...(url !== undefined && { url }), namespace, ...(storagePool !== undefined && { storagePool }) };
}
