import { ProxmoxClient, ProxmoxWriter, realClock } from '@prox-ops/operations';
import type { Stack } from '@pulumi/pulumi/automation';
import Table from 'cli-table3';
import { planCluster } from '../../config/plan';
import type { StackConfig } from '../../config/schema';
import { clusterAccess, proxmoxToken } from '../access';
import { confirmed } from '../ask';
import { CommandError, ExitCode } from '../exit';
import { gather } from '../orphans/evidence';
import { judge, type OwnIds, type Verdict } from '../orphans/judge';
import { leftovers, type Leftovers } from '../orphans/leftovers';
import { openStack } from '../project';
import { inSession, type Session } from '../session';
import { readState, VM_TYPE } from '../state';
import { stackConfig } from '../stackFile';
import { bytesText } from '../views/format';
import { projectFrom, type RunOptions } from './options';

export interface OrphansCommandOptions extends RunOptions {
  delete?: boolean;
  yes?: boolean;
}

/** `prox-ops orphans`: what is left of this stack and owned by nobody; with --delete the disk images of it are removed. */
export async function orphansCommand(options: OrphansCommandOptions): Promise<ExitCode> {
  const project = projectFrom(options);
  const stack = await openStack(project);
  const config = await stackConfig(stack);
  const verdicts = await look(stack, config);
  const stale = await leftoversOf(stack, config);
  const json = () => JSON.stringify({ images: verdicts, leftovers: stale }, null, 2);
  process.stdout.write(`${options.json === true && options.delete !== true ? json() : text(verdicts, stale)}\n`);
  const orphans = verdicts.filter(({ verdict }) => verdict === 'orphan');
  if (options.delete !== true) return ExitCode.ok;
  if (verdicts.some(({ verdict }) => verdict === 'unknown'))
    throw new CommandError(
      'A source does not answer, and unknown is not unowned. Nothing was deleted. Again once it answers.',
      ExitCode.blocked,
    );
  if (orphans.length === 0) return ExitCode.ok;
  const { name } = config.cluster;
  const question = `Delete the ${orphans.length} disk image(s) marked orphan?`;
  if (!(await confirmed(question, name, options.yes === true))) return ExitCode.interrupted;
  return inSession({ project, stack, command: 'orphans', arguments: ['--delete'], options }, (session) =>
    remove(stack, config, orphans, session),
  );
}

async function look(stack: Stack, config: StackConfig): Promise<Verdict[]> {
  const proxmox = new ProxmoxClient(config.proxmox.endpoint, await proxmoxToken(stack));
  return judge(await gather(proxmox), await ownIds(stack, config));
}

async function ownIds(stack: Stack, config: StackConfig): Promise<OwnIds> {
  const { nodes, templates } = planCluster(config);
  const inState = (await readState(stack))
    .resources()
    .filter(({ type }) => type === VM_TYPE)
    .map(({ inputs }) => Number(inputs.vmId));
  return { planned: new Set([...nodes, ...templates].map(({ vmId }) => vmId)), inState: new Set(inState) };
}

/** A cluster that is down has nothing to tell: its members are unknown, not stale. */
async function leftoversOf(stack: Stack, config: StackConfig): Promise<Leftovers> {
  try {
    return await leftovers(await clusterAccess(stack, config), planCluster(config));
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return { found: [], unknown: [error.message] };
  }
}

/** Each one only when it was listed in this run and a second look, right before, finds it unowned again. */
async function remove(
  stack: Stack,
  config: StackConfig,
  listed: Verdict[],
  { log, signal }: Session,
): Promise<ExitCode> {
  const api = new ProxmoxWriter(config.proxmox.endpoint, await proxmoxToken(stack), realClock);
  for (const { image } of listed) {
    if (signal.aborted) return ExitCode.interrupted;
    const now = (await look(stack, config)).find((found) => keyOf(found) === keyOf({ image }));
    if (now?.verdict !== 'orphan') {
      const why = now === undefined ? 'it is gone, or has an owner now' : now.evidence;
      throw new CommandError(
        `${image.volid} on ${image.host}: not deleted: ${why}. List again: prox-ops orphans`,
        ExitCode.open,
      );
    }
    const path = `/nodes/${image.host}/storage/${image.storage}/content/${encodeURIComponent(image.volid)}`;
    await api.task(image.host, 'DELETE', path);
    const size = bytesText(image.size);
    log.emit({ type: 'progress', message: `deleted ${image.volid} on ${image.host} (${size}): ${now.evidence}` });
  }
  return ExitCode.ok;
}

function keyOf({ image }: Pick<Verdict, 'image'>): string {
  return image.shared ? image.volid : `${image.host} ${image.volid}`;
}

function text(verdicts: Verdict[], { found, unknown }: Leftovers): string {
  const lines = [];
  if (verdicts.length > 0) {
    const table = new Table({
      head: ['', 'disk image', 'host', 'size', 'made', 'evidence'],
      style: { head: [], border: [], compact: true },
    });
    for (const { image, verdict, evidence } of verdicts)
      table.push([verdict, image.volid, image.host, bytesText(image.size), day(image.created), evidence]);
    lines.push(table.toString());
  }
  const orphans = verdicts.filter(({ verdict }) => verdict === 'orphan');
  const size = bytesText(orphans.reduce((sum, { image }) => sum + image.size, 0));
  lines.push(orphans.length === 0 ? 'No orphaned disk image.' : `${orphans.length} orphaned disk image(s), ${size}.`);
  for (const { kind, name, evidence, remedy } of found)
    lines.push(`${kind} ${name}: ${evidence}. To remove it: ${remedy}`);
  for (const source of unknown) lines.push(`Unknown, not asked any further: ${source}`);
  return lines.join('\n');
}

function day(seconds: number | undefined): string {
  return seconds === undefined ? '' : new Date(seconds * 1000).toISOString().slice(0, 10);
}
