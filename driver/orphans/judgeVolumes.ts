import type { Evidence } from './evidence';
import type { Kind, Leftover, Verdict } from './leftover';
import type { Own } from './own';
import type { Image, StoredFile, Volume } from './volumes';

/** Disk images without an owner. They are ours when they carry an id of the stack. */
export function judgeImages(found: Evidence, own: Own): Leftover[] {
  return once(found.images)
    .filter((image) => imageOwner(image, found, own) === undefined)
    .map((image) => {
      const { vmId } = image;
      const proof = `no guest ${vmId} in the cluster's list nor on any host, in no guest's configuration, no base image, no job, not in the state`;
      const foreign = own.planned.has(vmId) ? undefined : `no guest ${vmId}; not an id of this stack`;
      return judged('disk image', image, found, { proof, foreign });
    });
}

function imageOwner({ volid, vmId }: Image, found: Evidence, own: Own): string | undefined {
  const guest = found.guests.get(vmId);
  if (guest !== undefined) return `guest ${vmId}, by ${guest}`;
  if (own.inState.has(vmId)) return `VM ${vmId} of the state`;
  if (found.bases.has(volid)) return 'a linked clone';
  return found.attached.get(volid) ?? found.jobs.get(vmId);
}

/**
 * Snippets that no guest names. The program makes none; those of ours are from what built the cluster before it, and
 * carry the id of a VM of the stack (`vm-8001-user.yaml`), or the cluster's and a node's name.
 */
export function judgeSnippets(found: Evidence, own: Own): Leftover[] {
  return once(found.files.filter(({ content }) => content === 'snippets'))
    .filter(({ volid }) => !found.attached.has(volid))
    .flatMap((snippet) => {
      const whose = snippetOwner(snippet.volid, own);
      if (whose !== undefined && whose.vmId !== undefined && found.guests.has(whose.vmId)) return [];
      const foreign = whose === undefined ? 'named by no guest; its name is none of this stack' : undefined;
      const proof = `${whose?.why ?? ''}; named by no guest's configuration and no snapshot`;
      return [judged('snippet', snippet, found, { proof, foreign })];
    });
}

function snippetOwner(volid: string, own: Own): { why: string; vmId?: number } | undefined {
  const name = volid.slice(volid.lastIndexOf('/') + 1);
  const vmId = Number(/^vm-(\d+)-/.exec(name)?.[1]);
  if (own.planned.has(vmId)) return { why: `made for VM ${vmId} of this stack, which is not there`, vmId };
  const names = (wanted: string) => new RegExp(`(^|[-_.])${escaped(wanted)}($|[-_.])`).test(name);
  const node = [...own.nodes].find(names);
  if (node === undefined || !names(own.cluster)) return undefined;
  return { why: `names ${node} of cluster ${own.cluster}` };
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

/** As components/nodeTemplates.ts names what it downloads. */
const BOOT_IMAGE = /:(?:import|iso)\/talos-(v\d[\w.-]*)-([0-9a-f]{12})\.\w+$/;

/**
 * Downloaded images of releases no longer used: in no slot of the stack file, and no guest says that it was made of that
 * release and schematic. Another stack's templates say so of theirs, and keep it.
 */
export function judgeBootImages(found: Evidence, own: Own): Leftover[] {
  const files = found.files.filter(({ content, storage }) => content !== 'snippets' && storage === own.imageStorage);
  return once(files).flatMap((file) => {
    const [, release = '', schematic = ''] = BOOT_IMAGE.exec(file.volid) ?? [];
    if (release === '' || imageUser(file, release, schematic, found, own) !== undefined) return [];
    const proof = `Talos ${release}, schematic ${schematic}: in no slot of the stack file, no guest was made of it, in no guest's configuration, not in the state`;
    return [judged('boot image', file, found, { proof, foreign: undefined })];
  });
}

function imageUser(
  { volid, host }: StoredFile,
  release: string,
  schematic: string,
  found: Evidence,
  own: Own,
): string | undefined {
  if (own.releases.has(release)) return `release ${release} of the stack file`;
  if (own.filesInState.has(`${host} ${volid}`)) return 'the state';
  const made = `Talos ${release}, schematic ${schematic}`;
  const guest = found.machines.find(({ description }) => description.startsWith(made));
  return guest === undefined ? found.attached.get(volid) : `guest ${guest.vmId}`;
}

/** A shared storage is listed by every host; a local one has files of the same name on each. */
function once<T extends Volume>(volumes: T[]): T[] {
  const key = ({ volid, host, shared }: T) => (shared ? volid : `${host} ${volid}`);
  const first = new Map<string, T>();
  for (const volume of volumes) if (!first.has(key(volume))) first.set(key(volume), volume);
  return [...first.values()];
}

function judged(
  kind: Kind,
  { volid, host, shared, storage, size, created }: Volume,
  { unknown }: Evidence,
  { proof, foreign }: { proof: string; foreign: string | undefined },
): Leftover {
  const verdict: Verdict = foreign !== undefined ? 'foreign' : unknown.length > 0 ? 'unknown' : 'orphan';
  return {
    kind,
    name: volid,
    where: shared ? 'every host' : host,
    verdict,
    evidence: foreign ?? (verdict === 'unknown' ? unknown.join('; ') : proof),
    size,
    ...(created !== undefined && { created }),
    ...(verdict === 'orphan' && { target: { kind: 'file' as const, host, storage, volid } }),
  };
}
