import type { SchedulableNode, SchedulablePod, Taint, Toleration } from '../objects.js';
import { amounts, requestsOf } from './requests.js';
import type { Scene } from './scene.js';
import { matchesTerms, meets } from './selectors.js';

/** The scheduler's filters that look at one node alone. Each gives the reason why the pod can't run there. */
export type Filter = (pod: SchedulablePod, node: SchedulableNode, scene: Scene) => string | undefined;

/** Effects that keep a pod from being placed; PreferNoSchedule only asks. */
const KEEPS_OUT = ['NoSchedule', 'NoExecute'];
const CORDON: Taint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };

/** NodeUnschedulable */
export function cordoned(pod: SchedulablePod, node: SchedulableNode): string | undefined {
  return node.spec?.unschedulable === true && !tolerates(pod, CORDON) ? 'cordoned' : undefined;
}

/** TaintToleration */
export function tainted(pod: SchedulablePod, node: SchedulableNode): string | undefined {
  const taint = untolerated(pod, node);
  if (!taint) return undefined;
  return `taint ${taint.key}${taint.value ? `=${taint.value}` : ''}:${taint.effect}`;
}

export function untolerated(pod: SchedulablePod, node: SchedulableNode): Taint | undefined {
  return node.spec?.taints?.find((taint) => KEEPS_OUT.includes(taint.effect) && !tolerates(pod, taint));
}

export function tolerates({ spec }: SchedulablePod, taint: Taint): boolean {
  return (spec?.tolerations ?? []).some((toleration) => covers(toleration, taint));
}

function covers({ key = '', operator = 'Equal', value = '', effect = '' }: Toleration, taint: Taint): boolean {
  if (effect !== '' && effect !== taint.effect) return false;
  if (key !== '' && key !== taint.key) return false;
  if (operator === 'Exists') return true;
  return key !== '' && value === (taint.value ?? '');
}

/** NodeAffinity, with the simple node selector. */
export function selectedAway(pod: SchedulablePod, node: SchedulableNode): string | undefined {
  return isSelected(pod, node) ? undefined : 'node selector or node affinity';
}

export function isSelected({ spec }: SchedulablePod, node: SchedulableNode): boolean {
  const { labels = {} } = node.metadata;
  const simple = Object.entries(spec?.nodeSelector ?? {}).every(([key, value]) =>
    meets({ key, operator: 'In', values: [value] }, labels),
  );
  const required = spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return simple && (!required || matchesTerms(required.nodeSelectorTerms, node));
}

/** NodeResourcesFit */
export function tooSmall(pod: SchedulablePod, node: SchedulableNode, scene: Scene): string | undefined {
  const { name } = node.metadata;
  const allocatable = amounts(node.status?.allocatable);
  if (scene.podsOn(name).length + 1 > (allocatable['pods'] ?? 0)) return 'too many pods';
  const used = scene.requestedOn(name);
  const short = Object.entries(requestsOf(pod))
    .filter(([resource, amount]) => amount > 0 && amount > (allocatable[resource] ?? 0) - (used[resource] ?? 0))
    .map(([resource]) => resource);
  return short.length > 0 ? `not enough ${short.sort().join(', ')}` : undefined;
}

interface Port {
  port: number;
  ip: string;
  protocol: string;
}

/** NodePorts */
export function portTaken(pod: SchedulablePod, node: SchedulableNode, scene: Scene): string | undefined {
  const wanted = portsOf(pod);
  if (wanted.length === 0) return undefined;
  const used = scene.podsOn(node.metadata.name).flatMap(portsOf);
  const clash = wanted.find((port) => used.some((other) => collide(port, other)));
  return clash && `host port ${clash.port}/${clash.protocol} is taken`;
}

function portsOf({ spec }: SchedulablePod): Port[] {
  const sidecars = (spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  const ports = [...(spec?.containers ?? []), ...sidecars].flatMap((container) => container.ports ?? []);
  return ports.flatMap(({ hostPort = 0, hostIP, protocol }) =>
    hostPort > 0 ? [{ port: hostPort, ip: hostIP || '0.0.0.0', protocol: protocol || 'TCP' }] : [],
  );
}

function collide(a: Port, b: Port): boolean {
  const sameAddress = a.ip === b.ip || a.ip === '0.0.0.0' || b.ip === '0.0.0.0';
  return a.port === b.port && a.protocol === b.protocol && sameAddress;
}
