import type { Evidence } from './evidence';
import { judgeMappings } from './judgeMappings';
import { judgeTemplates } from './judgeTemplates';
import { judgeBootImages, judgeImages, judgeSnippets } from './judgeVolumes';
import { byKind, type Leftover } from './leftover';
import type { Own } from './own';

/**
 * What nobody owns on Proxmox. Pure: everything is judged by the same evidence, and as long as one source is silent
 * nothing is an orphan.
 */
export function judge(found: Evidence, own: Own): Leftover[] {
  const judges = [judgeImages, judgeSnippets, judgeBootImages, judgeTemplates, judgeMappings];
  return judges.flatMap((one) => one(found, own)).sort(byKind);
}
