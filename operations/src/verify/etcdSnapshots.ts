import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fail, pass, type Check } from '../checks/check.js';
import { verifySnapshot } from '../actions/snapshot.js';
import { messageOf } from '../runtime/errors.js';
import type { ExpectedCluster } from './expected.js';
import { span } from './volumes.js';

const EXPECTED = 'an etcd snapshot that can be restored';

export function etcdSnapshotsCheck({ snapshotDirectory }: ExpectedCluster): Check {
  return {
    id: 'etcd snapshots',
    describe: 'the latest etcd snapshot kept here is whole',
    how: `the checksum at the end of the latest file in ${snapshotDirectory}`,
    run: async ({ clock, access }) => {
      const latest = await latestIn(snapshotDirectory, `etcd-${access.clusterName}-`);
      if (!latest) return fail(EXPECTED, `none in ${snapshotDirectory}; take one: prox-ops snapshot`);
      try {
        await verifySnapshot(latest.path);
        return pass(`${latest.path}, ${span(clock.now() - latest.at)} old, its checksum fits`);
      } catch (error) {
        return fail(EXPECTED, `${latest.path}: ${messageOf(error)}`);
      }
    },
  };
}

async function latestIn(directory: string, prefix: string): Promise<{ path: string; at: number } | undefined> {
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const ours = names.filter((name) => name.startsWith(prefix) && name.endsWith('.db'));
  const files = await Promise.all(
    ours.map(async (name) => ({ path: join(directory, name), at: (await stat(join(directory, name))).mtimeMs })),
  );
  return files.sort((left, right) => right.at - left.at)[0];
}
