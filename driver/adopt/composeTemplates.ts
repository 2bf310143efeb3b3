import type { Findings } from './findings';
import type { LiveProxmox, LiveVm } from './liveProxmox';
import type { Pair } from './pairing';
import { variantOf, type Raw } from './composeNodes';

export interface RawTemplate {
  vmId: number;
}

/** Whether a template VM looks like Talos: by its name, its tags or its description. */
function isTalos({ name, config }: LiveVm): boolean {
  return /talos/i.test(`${name} ${config['tags'] ?? ''} ${config['description'] ?? ''}`);
}

/**
 * The templates that the nodes can be cloned from again, by the program's keys (`a-thor-gpu`). One is taken for each host
 * and variant that nodes need: one that names the release, else the one with the lowest id. The others are left alone.
 */
export function findTemplates(
  pairs: Pair[],
  { vms }: LiveProxmox,
  talos: string,
  findings: Findings,
): Map<string, LiveVm> {
  const needed = new Set(pairs.map((pair) => `a-${pair.vm.host}-${variantOf(pair)}`));
  const found = new Map<string, LiveVm>();
  for (const vm of vms.filter((candidate) => candidate.template && isTalos(candidate)).sort(named(talos))) {
    const key = `a-${vm.host}-${/gpu|nvidia/i.test(`${vm.name} ${vm.config['tags'] ?? ''}`) ? 'gpu' : 'standard'}`;
    if (needed.has(key) && !found.has(key)) found.set(key, vm);
    else findings.differs(`template ${vm.vmId} (${vm.name})`, 'there', 'not used', 'nothing to do: it is left alone');
  }
  for (const key of [...needed].filter((name) => !found.has(name)).sort())
    findings.differs(`template ${key}`, 'none', 'made by the first update', 'npx prox-ops up');
  return found;
}

/** Templates that name the release come first, then by id. */
function named(talos: string): (left: LiveVm, right: LiveVm) => number {
  const version = talos.replace(/^v/, '').replaceAll('.', '[.-]');
  const rank = ({ name }: LiveVm): number => (new RegExp(version).test(name) ? 0 : 1);
  return (left, right) => rank(left) - rank(right) || left.vmId - right.vmId;
}

/** First ids of the two slots: ranges that no VM is in, but for the templates that fit their place in slot a. */
export function templateIds(hosts: string[], live: LiveProxmox, templates: Map<string, LiveVm>): Raw {
  const width = hosts.length * 2;
  const step = Math.ceil(width / 10) * 10;
  const fits = (first: number, vm: LiveVm): boolean =>
    [...templates].some(([key, template]) => template === vm && first + place(hosts, key) === vm.vmId);
  const isFree = (first: number): boolean =>
    live.vms.every((vm) => vm.vmId < first || vm.vmId >= first + width || fits(first, vm));
  const free: number[] = [];
  for (let first = 9000; free.length < 2; first += step) if (isFree(first)) free.push(first);
  return { a: free[0], b: free[1] };
}

function place(hosts: string[], key: string): number {
  const [, host, variant] = /^a-(.+)-(standard|gpu)$/.exec(key) ?? [];
  return hosts.indexOf(host ?? '') * 2 + (variant === 'gpu' ? 1 : 0);
}
