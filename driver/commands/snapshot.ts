import { saveSnapshot, Stop, type SavedSnapshot } from '@prox-ops/operations';
import Table from 'cli-table3';
import { join, resolve } from 'node:path';
import { planCluster } from '../../config/plan';
import { clusterAccess } from '../access';
import { CommandError, ExitCode } from '../exit';
import { openStack } from '../project';
import { stackConfig } from '../stackFile';
import { bytesText } from '../views/format';
import { projectFrom, type CommonOptions } from './options';

/** `prox-ops snapshot [FILE]`: an etcd snapshot, verified. Changes nothing in the cluster. */
export async function snapshotCommand(file: string | undefined, options: CommonOptions): Promise<ExitCode> {
  const project = projectFrom(options);
  const stack = await openStack(project);
  const config = await stackConfig(stack);
  const { controlPlanes } = planCluster(config);
  const stamp = new Date().toISOString().replaceAll(/[:.]/g, '-');
  const usual = join(project.directory, config.rollout.snapshotDirectory, `etcd-${config.cluster.name}-${stamp}.db`);
  const path = file === undefined ? usual : resolve(file);
  const saved = await whole(saveSnapshot(await clusterAccess(stack, config), controlPlanes, path));
  process.stdout.write(`${options.json === true ? JSON.stringify(saved, null, 2) : snapshotText(saved)}\n`);
  return ExitCode.ok;
}

async function whole(saving: Promise<SavedSnapshot>): Promise<SavedSnapshot> {
  try {
    return await saving;
  } catch (error) {
    if (error instanceof Stop) throw new CommandError(`No snapshot: ${error.message}`, ExitCode.blocked);
    throw error;
  }
}

function snapshotText({ path, bytes, sha256, from, members }: SavedSnapshot): string {
  const table = new Table({ head: ['member', 'id', 'peer'], style: { head: [], border: [], compact: true } });
  for (const { hostname, id, peerUrls } of members) table.push([hostname, id, peerUrls.join(', ')]);
  return [
    `${path}: ${bytesText(bytes)} from ${from}, its checksum fits. It holds every secret of the cluster: keep it as one.`,
    `SHA-256 of the file: ${sha256}`,
    table.toString(),
  ].join('\n');
}
