import type { Evidence, Image } from './evidence';

export interface Verdict {
  image: Image;
  /**
   * orphan: provably nobody's, and once made for this stack. unknown: a source is silent. foreign: nobody's by what is
   * seen, and not made for this stack. owned is not listed.
   */
  verdict: 'orphan' | 'unknown' | 'foreign';
  evidence: string;
}

/** What the stack may have made: ids of its plan and of its state. */
export interface OwnIds {
  planned: Set<number>;
  /** Ids of VMs that the state has: their images are the engine's to delete. */
  inState: Set<number>;
}

/**
 * Disk images that have no owner. Pure: everything is judged by the same evidence, and as long as one source is silent
 * nothing is an orphan.
 */
export function judge(found: Evidence, own: OwnIds): Verdict[] {
  const once = new Map<string, Image>();
  // A shared storage is listed by every host; a local one has images of the same name on each.
  for (const image of found.images) once.set(image.shared ? image.volid : `${image.host} ${image.volid}`, image);
  return [...once.values()]
    .filter((image) => owner(image, found, own) === undefined)
    .map((image): Verdict => {
      if (!own.planned.has(image.vmId))
        return { image, verdict: 'foreign', evidence: `no guest ${image.vmId}; not an id of this stack` };
      if (found.unknown.length > 0) return { image, verdict: 'unknown', evidence: found.unknown.join('; ') };
      return { image, verdict: 'orphan', evidence: PROOF(image.vmId) };
    })
    .sort((left, right) => left.image.vmId - right.image.vmId || (left.image.volid < right.image.volid ? -1 : 1));
}

const PROOF = (vmId: number) =>
  `no guest ${vmId} in the cluster's list nor on any host, in no guest's configuration, no base image, no job, not in the state`;

function owner({ volid, vmId }: Image, found: Evidence, own: OwnIds): string | undefined {
  const guest = found.guests.get(vmId);
  if (guest !== undefined) return `guest ${vmId}, by ${guest}`;
  if (own.inState.has(vmId)) return `VM ${vmId} of the state`;
  if (found.bases.has(volid)) return 'a linked clone';
  return found.attached.get(volid) ?? found.jobs.get(vmId);
}
