import type { Extensions, NodeState } from '@prox-ops/operations';
import type { Pins } from '../config/pins';
import type { NodePlan } from '../config/plan';
import type { StackConfig } from '../config/schema';
import { differenceBetween, nextKubernetes, nextTalos, pathProblem, type NextStep } from '../config/upgradePath';

/** What runs in the cluster, as far as anything is pinned. */
export interface Installed {
  nodes: NodeState[];
  extensions: Extensions;
  /** Images of its pods. */
  images: string[];
}

export interface VersionRow {
  group: 'release' | 'extension' | 'image';
  name: string;
  /** In versions.yaml. */
  pinned: string;
  /** In the active slot of the stack file; of releases alone. */
  stack?: string;
  /** In the cluster: where, by version. Absent where nobody looked. */
  installed?: Record<string, string[]>;
  /** What the upgrade path allows from what is installed; of releases alone. */
  next?: NextStep[];
}

export interface Versions {
  rows: VersionRow[];
  tools: Record<string, string>;
  /** What is not as versions.yaml has it, and the way there. Empty: everything is. */
  differences: string[];
}

/** Compares what is pinned with the stack file and, where somebody looked, with the cluster. */
export function compareVersions(
  pins: Pins,
  stack: Pick<StackConfig, 'releases' | 'talos'>,
  planned: Pick<NodePlan, 'name' | 'variant'>[],
  installed: Installed | undefined,
): Versions {
  const release = releaseRows(pins, stack, installed);
  const rows = [...release, ...extensionRows(pins, stack, planned, installed), ...imageRows(pins, installed)];
  return { rows, tools: pins.tools, differences: [...stackDifferences(rows), ...clusterDifferences(rows)] };
}

function releaseRows(pins: Pins, { releases }: Pick<StackConfig, 'releases'>, installed?: Installed): VersionRow[] {
  const active = releases[releases.active];
  const found = {
    talos: installed && grouped(installed.nodes.map(({ name, talos }) => [talos, name])),
    kubernetes: installed && grouped(installed.nodes.map(({ name, kubelet }) => [kubelet, name])),
  };
  const from = {
    talos: oldest(found.talos) ?? active?.talos ?? pins.release.talos,
    kubernetes: oldest(found.kubernetes) ?? active?.kubernetes ?? pins.release.kubernetes,
  };
  const next = { talos: nextTalos(from), kubernetes: nextKubernetes(from) };
  return (['talos', 'kubernetes'] as const).map((name) => ({
    group: 'release',
    name,
    pinned: pins.release[name],
    ...(active && { stack: active[name] }),
    ...(found[name] && { installed: found[name] }),
    next: next[name],
  }));
}

/** An extension is expected on the nodes whose variant has it. */
function extensionRows(
  { extensions }: Pins,
  { talos }: Pick<StackConfig, 'talos'>,
  planned: Pick<NodePlan, 'name' | 'variant'>[],
  installed?: Installed,
): VersionRow[] {
  return Object.entries(extensions).map(([name, pinned]) => {
    const on = planned.filter(({ variant }) => talos.extensions[variant].includes(name));
    const versions = on.map(({ name: node }): [string, string] => [extensionOn(node, name, installed), node]);
    return { group: 'extension', name, pinned, ...(installed && { installed: grouped(versions) }) };
  });
}

/** Talos names an extension without its author. */
function extensionOn(node: string, name: string, installed: Installed | undefined): string {
  const found = installed?.extensions[node];
  if (!found) return 'unknown';
  if ('trouble' in found) return `unknown (${found.trouble})`;
  return found.extensions.find((extension) => extension.name === name.split('/').at(-1))?.version ?? 'none';
}

/** An image is compared where the cluster runs another tag of it; one that it does not run says nothing. */
function imageRows({ images }: Pins, installed?: Installed): VersionRow[] {
  return Object.entries(images).map(([name, image]) => {
    const wanted = reference(image);
    const running = (installed?.images ?? [])
      .map(reference)
      .filter(({ repository }) => repository === wanted.repository);
    const found = grouped(running.map(({ tag }) => [tag, 'cluster']));
    return { group: 'image', name, pinned: wanted.tag, ...(installed && { installed: found }) };
  });
}

function reference(image: string): { repository: string; tag: string } {
  const [name = ''] = image.split('@');
  const colon = name.lastIndexOf(':');
  return colon > name.lastIndexOf('/')
    ? { repository: name.slice(0, colon), tag: name.slice(colon + 1) }
    : { repository: name, tag: 'latest' };
}

function grouped(entries: [version: string, where: string][]): Record<string, string[]> {
  const groups: Record<string, string[]> = {};
  for (const [version, where] of entries) (groups[version || 'unknown'] ??= []).push(where);
  return groups;
}

function oldest(installed: Record<string, string[]> | undefined): string | undefined {
  const known = Object.keys(installed ?? {}).filter((version) => version.startsWith('v'));
  return known.reduce<string | undefined>(
    (least, version) => (least === undefined || differenceBetween(least, version) === 'older' ? version : least),
    undefined,
  );
}

const LABELS: Record<string, string> = { talos: 'Talos', kubernetes: 'Kubernetes' };

export function labelOf({ name }: Pick<VersionRow, 'name'>): string {
  return LABELS[name] ?? name;
}

function stackDifferences(rows: VersionRow[]): string[] {
  const differing = rows.filter(({ pinned, stack }) => stack !== undefined && stack !== pinned);
  if (differing.length === 0) return [];
  const what = differing.map((row) => `${labelOf(row)} ${row.stack}, pinned ${row.pinned}`).join('; ');
  return [`The stack file's active slot has ${what}. Put the pinned release there: prox-ops release`];
}

/** What a rollout of the pinned versions would have to bring, and what no upgrade path brings. */
function clusterDifferences(rows: VersionRow[]): string[] {
  return rows.flatMap((row) =>
    Object.entries(row.installed ?? {}).flatMap(([version, where]) => differenceOf(row, version, where)),
  );
}

function differenceOf(row: VersionRow, version: string, where: string[]): string[] {
  if (version === row.pinned || (row.group === 'extension' && version.startsWith(`${row.pinned}-`))) return [];
  if (row.group === 'image') return [`${row.name}: the cluster runs ${version}, pinned ${row.pinned}.`];
  const problem = row.group === 'release' && version.startsWith('v') && pathProblem(labelOf(row), version, row.pinned);
  const why = problem ? ` No supported path: ${problem}.` : '';
  return [`${labelOf(row)} ${version} on ${where.join(', ')}, pinned ${row.pinned}.${why}`];
}
