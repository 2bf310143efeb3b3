import { clusterState, installedExtensions, runningImages } from '@prox-ops/operations';
import type { Stack } from '@pulumi/pulumi/automation';
import Table from 'cli-table3';
import { planCluster } from '../../config/plan';
import { clusterAccess } from '../access';
import { ExitCode } from '../exit';
import { knownPins } from '../pins';
import { openStack } from '../project';
import { readStackFile, stackConfig } from '../stackFile';
import { compareVersions, labelOf, type Installed, type VersionRow, type Versions } from '../versions';
import { projectFrom, type CommonOptions } from './options';

export interface VersionsCommandOptions extends CommonOptions {
  offline?: boolean;
  check?: boolean;
}

/** `prox-ops versions`: what is pinned, what the stack file wants, what runs, and what may come next. Changes nothing. */
export async function versionsCommand(options: VersionsCommandOptions): Promise<ExitCode> {
  const pins = knownPins();
  const project = projectFrom(options);
  const config = await readStackFile(project.stackFile);
  const installed = options.offline === true ? undefined : await installedVersions(await openStack(project));
  const versions = compareVersions(pins, config, planCluster(config).nodes, installed);
  process.stdout.write(`${options.json === true ? JSON.stringify(versions, null, 2) : versionsText(versions)}\n`);
  return options.check === true && versions.differences.length > 0 ? ExitCode.blocked : ExitCode.ok;
}

/** What runs in the cluster of a stack. */
export async function installedVersions(stack: Stack): Promise<Installed> {
  const config = await stackConfig(stack);
  const access = await clusterAccess(stack, config);
  const addresses = Object.fromEntries(planCluster(config).nodes.map(({ name, address }) => [name, address]));
  const [{ nodes }, extensions, images] = await Promise.all([
    clusterState(access, config.rollout),
    installedExtensions(access, addresses),
    runningImages(access),
  ]);
  return { nodes, extensions, images };
}

function versionsText({ rows, tools, differences }: Versions): string {
  const looked = rows.some(({ installed }) => installed !== undefined);
  const table = new Table({
    head: ['', 'pinned', 'stack file', ...(looked ? ['cluster'] : [])],
    style: { head: [], border: [], compact: true },
  });
  for (const row of rows)
    table.push([labelOf(row), row.pinned, row.stack ?? '', ...(looked ? [installedText(row.installed ?? {})] : [])]);
  const programs = Object.entries(tools).map(([name, version]) => `${name} ${version}`);
  return [
    table.toString(),
    `Programs: ${programs.join(', ')}.`,
    ...rows.flatMap(nextText),
    ...(differences.length === 0 ? ['Everything is as versions.yaml has it.'] : differences),
  ].join('\n');
}

/** v1.11.3 on 14 nodes, v1.12.4 on k8s-work-1 */
function installedText(installed: Record<string, string[]>): string {
  return Object.entries(installed)
    .map(([version, where]) => {
      if (where.every((place) => place === 'cluster')) return version;
      return `${version} on ${where.length === 1 ? where.join() : `${where.length} nodes`}`;
    })
    .join(', ');
}

function nextText(row: VersionRow): string[] {
  if (!row.next) return [];
  const steps = row.next.map(({ releases, how, after }) => `${releases} (${how}${after ? `, after ${after}` : ''})`);
  return [`Next for ${labelOf(row)}: ${steps.join(', ')}.`];
}
