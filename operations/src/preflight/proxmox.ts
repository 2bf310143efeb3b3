import type { ProxmoxSite, SiteGuest } from '../clients/proxmoxSite.js';
import { gib } from '../checks/linstorPlacement.js';
import { blocker, warning, type Finding } from './finding.js';
import type { PreparedTemplate, TurnRequest } from './request.js';

const GIB = 2 ** 30;
const MIB = 2 ** 20;

/** What Proxmox needs for the turns: hosts, the VMs and templates that are meant, storage, memory, PCI devices. */
export function proxmoxFindings(site: ProxmoxSite, turns: TurnRequest[], prepare: PreparedTemplate[]): Finding[] {
  return [
    ...quorum(site),
    ...prepare.flatMap((template) => preparation(site, template)),
    ...turns.flatMap((turn) => [
      ...host(site, turn),
      ...machine(site, turn),
      ...(turn.action === 'remove' ? [] : newMachine(site, turn, prepare)),
    ]),
  ];
}

function quorum({ quorate }: ProxmoxSite): Finding[] {
  if (quorate) return [];
  return [
    blocker({
      topic: 'proxmox',
      object: 'the Proxmox cluster',
      expected: 'a quorum: without one every change is refused',
      found: 'not quorate',
      remedy: 'pvecm status; bring the other hosts back',
    }),
  ];
}

function host({ hosts }: ProxmoxSite, turn: TurnRequest): Finding[] {
  if (turn.host === undefined) return [];
  if (hosts.some(({ name, online }) => name === turn.host && online)) return [];
  const known = hosts.find(({ name }) => name === turn.host);
  return [
    blocker({
      topic: 'proxmox',
      node: turn.name,
      object: `host ${turn.host}`,
      expected: 'online',
      found: known ? 'offline' : 'no such host in the Proxmox cluster',
      remedy: 'bring the host back, or choose other nodes with --nodes',
    }),
  ];
}

/** The VM under the node's id must be the node's, or nobody's where the node is new. */
function machine({ guests, hosts }: ProxmoxSite, turn: TurnRequest): Finding[] {
  const guest = guests.find(({ vmid }) => vmid === turn.vmId);
  const about = { topic: 'proxmox', node: turn.name, object: `VM ${turn.vmId}` } as const;
  if (turn.action === 'add' && guest)
    return [
      blocker({
        ...about,
        expected: 'an id that is free',
        found: `it is ${guest.name || 'a guest'} on ${guest.host}`,
        remedy: `give ${turn.name} another vmId in the stack file, or adopt the VM`,
      }),
    ];
  if (turn.action === 'add' || turn.action === 'finish') return [];
  if (!guest)
    return [
      blocker({
        ...about,
        expected: `the VM of ${turn.name}`,
        found: 'no VM under this id',
        remedy: 'pulumi refresh, then plan again',
      }),
    ];
  const reachable = hosts.some(({ name, online }) => name === guest.host && online);
  return reachable ? wrongMachine(turn, guest, about) : [];
}

function wrongMachine(
  turn: TurnRequest,
  guest: SiteGuest,
  about: Pick<Finding, 'topic' | 'node' | 'object'>,
): Finding[] {
  if (guest.name !== (turn.vmName ?? turn.name) || guest.template)
    return [
      blocker({
        ...about,
        expected: `the VM of ${turn.name}`,
        found: `${guest.name || 'a nameless guest'} on ${guest.host}${guest.template ? ', a template' : ''}`,
        remedy: 'the id belongs to another machine now: find out why before anything is deleted',
      }),
    ];
  if (guest.lock === undefined) return [];
  return [
    blocker({
      ...about,
      expected: 'a VM that nothing else works on',
      found: `lock ${guest.lock}`,
      remedy: 'wait for that task (backup, snapshot, migration) to end; qm unlock only if it is dead',
    }),
  ];
}

function newMachine(site: ProxmoxSite, turn: TurnRequest, prepare: PreparedTemplate[]): Finding[] {
  return [
    ...template(site, turn, prepare),
    ...turn.hardware.disks.flatMap((disk) => storage(site, turn.host ?? '', disk.storage, 'images', turn.name)),
    ...memory(site, turn),
    ...devices(site, turn),
  ];
}

function template({ guests }: ProxmoxSite, turn: TurnRequest, prepare: PreparedTemplate[]): Finding[] {
  const wanted = turn.template;
  if (!wanted || prepare.some(({ vmId }) => vmId === wanted.vmId)) return [];
  const guest = guests.find(({ vmid }) => vmid === wanted.vmId);
  if (guest?.template && guest.name === wanted.name && guest.host === wanted.host) return [];
  return [
    blocker({
      topic: 'template',
      node: turn.name,
      object: `template ${wanted.vmId}`,
      expected: `${wanted.name} on ${wanted.host}`,
      found: guest
        ? `${guest.name || 'a guest'} on ${guest.host}${guest.template ? '' : ', which is no template'}`
        : 'nothing under this id',
      remedy: 'pulumi refresh, so that the next roll makes it again',
    }),
  ];
}

/**
 * A template to be made: its id is free, or holds one of our own templates that it replaces. The provider would take a
 * foreign VM under that id for its own work and reconfigure it.
 */
function preparation(site: ProxmoxSite, wanted: PreparedTemplate): Finding[] {
  const guest = site.guests.find(({ vmid }) => vmid === wanted.vmId);
  const foreign = guest && !(guest.template && guest.name.startsWith('talos-'));
  const taken = blocker({
    topic: 'template',
    object: `template ${wanted.vmId}`,
    expected: `an id that is free for ${wanted.name}`,
    found: `it is ${guest?.name || 'a guest'} on ${guest?.host}`,
    remedy: 'move prox-ops:proxmox.templateIds to a free range, or move that guest away',
  });
  return [
    ...(foreign ? [taken] : []),
    ...storage(site, wanted.host, wanted.imageStorage, 'import'),
    ...storage(site, wanted.host, wanted.disk.storage, 'images'),
    ...room(site, wanted),
  ];
}

function storage(
  { storages, hosts }: ProxmoxSite,
  onHost: string,
  name: string,
  content: string,
  node?: string,
): Finding[] {
  // Of an offline host nothing is known, and that has been said.
  if (!hosts.some((one) => one.name === onHost && one.online)) return [];
  const found = storages.find((one) => one.name === name && one.host === onHost);
  if (found?.available && found.content.includes(content)) return [];
  return [
    blocker({
      topic: 'proxmox',
      ...(node !== undefined && { node }),
      object: `storage ${name} on ${onHost}`,
      expected: `available, for content ${content}`,
      found: found
        ? `${found.available ? 'available' : 'not available'}, for ${found.content.join(', ')}`
        : 'no such storage there',
      remedy: 'pvesm status; bring it back, or name another one in the stack file',
    }),
  ];
}

function room({ storages }: ProxmoxSite, { host: onHost, disk, vmId }: PreparedTemplate): Finding[] {
  const found = storages.find((one) => one.name === disk.storage && one.host === onHost);
  if (found?.free === undefined || found.free >= disk.size * GIB) return [];
  return [
    warning({
      topic: 'proxmox',
      object: `storage ${disk.storage} on ${onHost}`,
      expected: `${disk.size} GiB for template ${vmId}`,
      found: `${gib(found.free)} free`,
      remedy: 'make room; thin storage may take less',
    }),
  ];
}

/** The old VM gives its memory back before the new one starts: what is missing is only what it had not. */
function memory({ hosts, guests }: ProxmoxSite, turn: TurnRequest): Finding[] {
  const found = hosts.find(({ name }) => name === turn.host);
  if (found?.memory === undefined || found.memoryUsed === undefined) return [];
  const own = guests.find(({ vmid, host: place, running }) => vmid === turn.vmId && place === turn.host && running);
  const more = turn.hardware.memory * MIB - (own?.memory ?? 0);
  if (more <= 0 || more <= found.memory - found.memoryUsed) return [];
  const promised = guests.filter(({ host: place, running }) => place === turn.host && running);
  const total = promised.reduce((sum, guest) => sum + guest.memory, 0) + more;
  const told = {
    topic: 'proxmox',
    node: turn.name,
    object: `memory of host ${turn.host}`,
    expected: `${gib(more)} more for VM ${turn.vmId}`,
    found: `${gib(found.memory - found.memoryUsed)} free of ${gib(found.memory)}`,
    remedy: 'stop or move another VM, or give this one less memory',
  } as const;
  // Caches count as used: what is promised to VMs says whether it is really too much.
  return [total > found.memory ? blocker(told) : warning(told)];
}

function devices({ mappings }: ProxmoxSite, turn: TurnRequest): Finding[] {
  if (!mappings) return [];
  return turn.pci
    .filter((name) => !mappings.get(name)?.includes(turn.host ?? ''))
    .map((name) =>
      blocker({
        topic: 'proxmox',
        node: turn.name,
        object: `PCI mapping ${name}`,
        expected: `a device on ${turn.host}`,
        found: mappings.has(name) ? `devices on ${mappings.get(name)?.join(', ')} alone` : 'no such mapping',
        remedy: 'the new VM could not start: make the mapping first (Datacenter, Resource Mappings)',
      }),
    );
}
