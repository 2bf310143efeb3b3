import { releaseInDescription } from '../../config/plan';
import type { Evidence } from './evidence';
import type { Guest } from './guests';
import type { Leftover, Verdict } from './leftover';
import type { Own } from './own';

/**
 * Templates of releases no longer used. Ours has an id of the stack's ranges, the program's tags, and the name that the
 * program gives a template of that id and of the release in its description. Others' templates are not listed.
 */
export function judgeTemplates(found: Evidence, own: Own): Leftover[] {
  return found.machines.flatMap((guest) => {
    const release = releaseInDescription(guest.description);
    if (!guest.template || release === undefined || !isOurs(guest, release, own)) return [];
    return user(guest, release, found, own) === undefined ? [judged(guest, release, found)] : [];
  });
}

function isOurs({ vmId, name, tags }: Guest, release: string, own: Own): boolean {
  const nameOf = own.templates.get(vmId);
  return nameOf?.(release) === name && tags.includes('prox-ops') && tags.includes('template');
}

function user({ vmId }: Guest, release: string, found: Evidence, own: Own): string | undefined {
  if (own.releases.has(release)) return `release ${release} of the stack file`;
  if (own.inState.has(vmId)) return 'the state';
  const linked = [...found.bases].find((base) => new RegExp(`[:/]base-${vmId}-`).test(base));
  if (linked !== undefined) return 'a linked clone';
  const running = found.machines.find(
    ({ template, description }) => !template && releaseInDescription(description) === release,
  );
  return running === undefined ? found.jobs.get(vmId) : `${running.name} runs ${release}`;
}

function judged(guest: Guest, release: string, found: Evidence): Leftover {
  const { vmId, host, name } = guest;
  const disks = found.images.filter((image) => image.vmId === vmId);
  const verdict: Verdict = found.unknown.length > 0 ? 'unknown' : guest.protected ? 'stale' : 'orphan';
  const proof = `Talos ${release} is in no slot of the stack file and no guest runs it; id, name and tags are those of this stack's templates; no linked clone, no job, not in the state`;
  const created = guest.created ?? disks.find((disk) => disk.created !== undefined)?.created;
  return {
    kind: 'template',
    name: `${vmId} ${name}`,
    where: host,
    verdict,
    evidence: verdict === 'unknown' ? found.unknown.join('; ') : proof,
    size: disks
      .filter((disk, index) => disks.findIndex(({ volid }) => volid === disk.volid) === index)
      .reduce((sum, { size }) => sum + size, 0),
    ...(created !== undefined && { created }),
    ...(verdict === 'stale' && {
      remedy: `it is protected: qm set ${vmId} --protection 0, then the same command again`,
    }),
    ...(verdict === 'orphan' && { target: { kind: 'vm' as const, host, vmId } }),
  };
}
