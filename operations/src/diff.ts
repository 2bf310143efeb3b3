import type { Bracket, BracketInputs } from './contract.js';

/** What a lifecycle resource's provider answers the engine's diff with. */
export interface BracketDiff {
  changes: boolean;
  replaces: string[];
  deleteBeforeReplace: boolean;
}

type Stored = BracketInputs & { __provider?: unknown };

/**
 * A lifecycle resource is replaced with its VM and for no other reason: every other change (credentials, settings,
 * release, our own code) only stores the new inputs. They must be stored, because a later leave reads the old ones,
 * and the engine keeps old outputs, code included, for a resource that reports no change.
 */
export function diffBracket(bracket: Bracket, olds: Stored, news: Stored, announce: (node: string) => void): BracketDiff {
  // While the VM is being replaced its outputs are unknown: they arrive as a sentinel, which differs from any VM's id.
  if (olds.vm !== news.vm) {
    if (bracket === 'turn') announce(olds.node.name);
    return { changes: true, replaces: ['vm'], deleteBeforeReplace: true };
  }
  const keys = ['node', 'access', 'settings', 'release', '__provider'] as const;
  const changes = keys.some((key) => !same(olds[key], news[key]));
  return { changes, replaces: [], deleteBeforeReplace: true };
}

/** Deep equality of plain data, whatever the order of properties: the state stores them sorted. */
function same(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false;
  const keys = new Set([...Object.keys(left), ...Object.keys(right)]);
  return [...keys].every((key) => same((left as Record<string, unknown>)[key], (right as Record<string, unknown>)[key]));
}
