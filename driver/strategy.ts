import type { KubernetesPart } from '@prox-ops/operations';
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
  { rollout, adopted }: Pick<StackConfig, 'rollout' | 'adopted'>,
  { strategy = rollout.strategy, approveMajor = false }: StrategyOptions,
): PlannedNode[] {
  const problems = nodes.flatMap((node) => [
    ...problemsOf(node, strategy, approveMajor),
    ...keptConfiguration(node, strategy, adopted),
  ]);
  if (problems.length > 0) throw new CommandError(`${problems.join('\n')}\nNothing was changed.`, ExitCode.blocked);
  const ways = nodes.map((node) => (isInPlace(node, strategy) ? { ...node, action: 'upgrade' as const } : node));
  return inParts(ways.map((node) => (isKubernetesAlone(node, strategy) ? { ...node, action: 'kubernetes' } : node)));
}

/** An adopted machine gets another Kubernetes as it runs whatever the strategy: its VM does not name it. */
function isKubernetesAlone({ action, kubernetes }: PlannedNode, strategy: Strategy): boolean {
  return action === 'kubernetes' || (action === 'replace' && strategy === 'in-place' && kubernetes?.alone === true);
}

const PARTS: Record<KubernetesPart, string> = {
  'control plane': 'API server, controller manager, scheduler',
  kubelet: 'kubelet',
};

/**
 * The order that Kubernetes supports: the API servers of all control planes, then their kubelets, then the workers'. So no
 * kubelet is ever newer than an API server that it may be talking to.
 */
function inParts(nodes: PlannedNode[]): PlannedNode[] {
  const inPart = (node: PlannedNode, part: KubernetesPart): PlannedNode => {
    const { from = '', to = '' } = node.kubernetes ?? {};
    return { ...node, part, why: [`Kubernetes ${from} -> ${to}: ${PARTS[part]}`] };
  };
  const servers = nodes.filter(({ action, role }) => action === 'kubernetes' && role === 'controlplane');
  return [
    ...servers.map((node) => inPart(node, 'control plane')),
    ...nodes.map((node) => (node.action === 'kubernetes' ? inPart(node, 'kubelet') : node)),
  ];
}

/** A configuration that stays as it was found would never name the new version. */
function keptConfiguration(node: PlannedNode, strategy: Strategy, { nodes }: StackConfig['adopted']): string[] {
  if (!isKubernetesAlone(node, strategy) || nodes[node.name]?.keepConfiguration !== true) return [];
  return [
    `${node.name}: expected a machine configuration that may be changed for Kubernetes ${node.kubernetes?.to ?? ''}, found that ` +
      `it stays as it was found. Remove adopted.nodes.${node.name}.keepConfiguration from the stack file, or replace the node first.`,
  ];
}

function isInPlace(node: PlannedNode, strategy: Strategy): boolean {
  if (node.action !== 'replace' || strategy === 'replace' || node.kubernetes?.alone === true) return false;
  if (strategy === 'in-place') return true;
  return node.needsReplacement.length === 0 && differenceOf(node) === 'patch';
}

function problemsOf(node: PlannedNode, strategy: Strategy, approveMajor: boolean): string[] {
  if (node.action !== 'replace') return [];
  const { name, from, to, needsReplacement } = node;
  const difference = differenceOf(node);
  if (difference === 'major' && !approveMajor)
    return [`${name}: Talos ${from} -> ${to} is another major release. Expected --approve-major, found none.`];
  if (strategy !== 'in-place' || node.kubernetes?.alone === true) return [];
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
