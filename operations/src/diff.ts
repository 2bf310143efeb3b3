import { isDeepStrictEqual } from 'node:util';
import type { Bracket, BracketInputs } from './contract.js';
import { announceReplacement, noteGuard, refuseUnguarded } from './planRefusal.js';
import { realProcesses, type Processes } from './runtime/processes.js';

export interface BracketDiff {
  changes: boolean;
  replaces: string[];
  deleteBeforeReplace: boolean;
}

/** What the engine hands to a dynamic provider for a value that is not known yet. */
export const UNKNOWN = '04da6b54-80e4-46f7-96ec-b56ff0331ba9';

const COMPARED = ['node', 'access', 'settings', 'release'] as const;

/** What stays the same for a node's life. */
export type IdentityInputs = Pick<BracketInputs, 'node' | 'access' | 'settings'> & { macs: string[] };

const COMPARED_OF_IDENTITY = ['node', 'access', 'settings', 'macs'] as const;

/**
 * A node's identity is never replaced. The engine asks about it before it comes to the VM, and with what the stack file says
 * now; of the resources above a VM that is replaced it asks with what they were made with alone.
 */
export function diffIdentity(
  olds: IdentityInputs,
  news: IdentityInputs,
  processes: Pick<Processes, 'endWithEngine'> = realProcesses,
): Pick<BracketDiff, 'changes'> {
  processes.endWithEngine();
  noteGuard(olds.node.name, olds, news);
  return { changes: COMPARED_OF_IDENTITY.some((key) => !isDeepStrictEqual(olds[key], news[key])) };
}

/**
 * A lifecycle resource is replaced when its VM is, and only then; other changes are stored for a later leave.
 * @throws Error when this is a second node to be replaced, or to get another Kubernetes, in one update, or one that would leave
 * without the guard that it is to have.
 */
export function diffBracket(
  bracket: Bracket,
  olds: BracketInputs,
  news: BracketInputs,
  processes: Pick<Processes, 'endWithEngine'> = realProcesses,
): BracketDiff {
  // In an update that changes nothing of a node, and in every preview, this is all that its host is asked.
  processes.endWithEngine();
  if (olds.vm === news.vm) {
    // An adopted machine would get its new kubelet and API server at the same time as all the others.
    if (bracket === 'turn' && olds.release.kubernetes !== news.release.kubernetes)
      announceReplacement(olds.node.name, olds.access.clusterName);
    const changes = COMPARED.some((key) => !isDeepStrictEqual(olds[key], news[key]));
    return { changes, replaces: [], deleteBeforeReplace: true };
  }
  if (bracket === 'turn') announceReplacement(olds.node.name, olds.access.clusterName);
  if (bracket === 'evacuation') refuseUnguarded(olds.node.name);
  return { changes: true, replaces: ['vm'], deleteBeforeReplace: true };
}
