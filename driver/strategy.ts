import semver from 'semver';
import type { StackConfig } from '../config/schema';
import { CommandError, ExitCode } from './exit';
import type { PlannedNode } from './plan';

export const STRATEGIES = ['auto', 'replace', 'in-place'] as const;
export type Strategy = (typeof STRATEGIES)[number];

export interface StrategyOptions {
  /** Default: rollout.strategy of the stack file. */
  strategy?: Strategy;
  /** Whether a new major release was agreed to. */
  approveMajor?: boolean;
}

/**
 * How each node gets its release, by the difference of its versions (R004-FR2): a patch in place, a minor or a major by a
 * replacement, a major only when it was approved.
 * @throws CommandError naming every node that cannot be changed as it was asked to; nothing is changed then.
 */
export function withStrategy(
  nodes: PlannedNode[],
  { rollout }: Pick<StackConfig, 'rollout'>,
  { strategy = rollout.strategy, approveMajor = false }: StrategyOptions,
): PlannedNode[] {
  const problems = nodes.flatMap((node) => problemsOf(node, strategy, approveMajor));
  if (problems.length > 0) throw new CommandError(`${problems.join('\n')}\nNothing was changed.`, ExitCode.blocked);
  return nodes.map((node) => (isInPlace(node, strategy) ? { ...node, action: 'upgrade' } : node));
}

function isInPlace(node: PlannedNode, strategy: Strategy): boolean {
  if (node.action !== 'replace' || strategy === 'replace') return false;
  if (strategy === 'in-place') return true;
  return node.needsReplacement.length === 0 && differenceOf(node) === 'patch';
}

function problemsOf(node: PlannedNode, strategy: Strategy, approveMajor: boolean): string[] {
  if (node.action !== 'replace') return [];
  const { name, from, to, needsReplacement } = node;
  const difference = differenceOf(node);
  if (difference === 'major' && !approveMajor)
    return [`${name}: Talos ${from} -> ${to} is another major release. Expected --approve-major, found none.`];
  if (strategy !== 'in-place') return [];
  if (needsReplacement.length > 0)
    return [
      `${name}: expected a change of Talos alone for an upgrade in place, found: ${needsReplacement.join(', ')}. ` +
        `Replace it: prox-ops roll --strategy replace --nodes ${name}`,
    ];
  if (difference === 'major')
    return [`${name}: a major release is never installed in place. Use: prox-ops roll --strategy replace`];
  return [];
}

/** What lies between the two releases; undefined when they are the same, and only the schematic is another. */
function differenceOf({ from, to }: PlannedNode): 'patch' | 'minor' | 'major' | undefined {
  if (from === undefined || semver.eq(from, to)) return undefined;
  if (semver.major(from) !== semver.major(to)) return 'major';
  return semver.minor(from) === semver.minor(to) ? 'patch' : 'minor';
}
