import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { writeSnapshot } from './actions/snapshot.js';
import { memberOf, readEtcd, unhealthyMembers, type EtcdView } from './checks/etcdView.js';
import { connect, type Session } from './clients/session.js';
import type { EtcdMember } from './clients/talosOutput.js';
import type { ClusterAccess, NodeTarget } from './contract.js';
import { realClock } from './runtime/clock.js';
import { Stop } from './runtime/errors.js';

export interface SavedSnapshot {
  path: string;
  bytes: number;
  /** Of the whole file, in hex. */
  sha256: string;
  /** The control plane it was taken from. */
  from: string;
  /** As every control plane tells them, before and after the snapshot alike. */
  members: EtcdMember[];
}

export type ControlPlane = Pick<NodeTarget, 'name' | 'address'>;

/**
 * Saves an etcd snapshot of a cluster whose members are exactly the control planes, all of them healthy. Changes nothing
 * in the cluster. The file is private (0600) and there only when its checksum fits.
 * @throws Stop when members or file are not as they should be.
 */
export async function saveSnapshot(
  access: ClusterAccess,
  controlPlanes: ControlPlane[],
  path: string,
  open: (access: ClusterAccess) => Promise<Pick<Session, 'talos'>> = (of) => connect(of, realClock),
): Promise<SavedSnapshot> {
  if (existsSync(path)) throw new Stop(`no file yet at ${path}`, 'one that would be overwritten');
  const { talos } = await open(access);
  const addresses = controlPlanes.map(({ address }) => address);
  const before = await readEtcd(talos, addresses);
  assertMembers(before, controlPlanes);
  const source = controlPlanes.find((candidate) => !isLeader(before, candidate)) ?? controlPlanes[0];
  if (!source) throw new Stop('a control plane to take a snapshot from', 'none');
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeSnapshot(talos, source.address, path);
  const after = await readEtcd(talos, addresses);
  assertMembers(after, controlPlanes);
  const { size } = await stat(path);
  return { path, bytes: size, sha256: await sha256Of(path), from: source.name, members: after.members };
}

/** The leader has enough to do. */
function isLeader(view: EtcdView, node: ControlPlane): boolean {
  const member = memberOf(view, node);
  return member !== undefined && view.live.get(member.id)?.status.leader === member.id;
}

/** @throws Stop unless the members are the control planes, each a healthy voter, and nobody else. */
function assertMembers(view: EtcdView, controlPlanes: ControlPlane[]): void {
  const expected = `a healthy etcd member on each of ${controlPlanes.map(({ name }) => name).join(', ')}, and no other`;
  const missing = controlPlanes
    .filter((node) => memberOf(view, node) === undefined)
    .map(({ name }) => `none on ${name}`);
  const known = controlPlanes.map((node) => memberOf(view, node)?.id);
  const strange = view.members.filter(({ id }) => !known.includes(id)).map(({ id, hostname }) => `${hostname} (${id})`);
  const wrong = [...missing, ...strange, ...unhealthyMembers(view)];
  if (wrong.length > 0) throw new Stop(expected, [...wrong, ...view.troubles].join('; '));
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
