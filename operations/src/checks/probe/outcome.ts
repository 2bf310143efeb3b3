import type { ContainerStatus, Event, Pod } from '../../clients/kubernetesObjects.js';
import { API_NAME, type ProbePart } from './manifest.js';
import type { Peer } from './place.js';

export type ProbeOutcome =
  | { kind: 'passed' }
  /** In words: what failed, or why it was not even tried. */
  | { kind: 'failed'; why: string }
  /** Not ended yet, and what it is at. */
  | { kind: 'running'; at: string };

/** Waiting reasons after which a container starts late or never: the next probe tells. */
const IMAGE_TROUBLE = [
  'ErrImagePull',
  'ImagePullBackOff',
  'InvalidImageName',
  'ErrImageNeverPull',
  'ImageInspectError',
];
const START_TROUBLE = ['CreateContainerConfigError', 'CreateContainerError', 'RunContainerError'];
/** Characters of a message that comes from elsewhere. */
const LONGEST = 300;

/** What the probe's pod says of it; without one, what kept its Job from making one. */
export function outcomeOf(pod: Pod | undefined, events: Event[], image: string, peer: Peer | undefined): ProbeOutcome {
  if (!pod) return unmade(events);
  const statuses = pod.status?.containerStatuses ?? [];
  if (pod.status?.phase === 'Succeeded') return { kind: 'passed' };
  if (pod.status?.phase === 'Failed') return { kind: 'failed', why: failureOf(pod, statuses, peer) };
  return unstarted(statuses, image) ?? { kind: 'running', at: stateOf(statuses) };
}

function unmade(events: Event[]): ProbeOutcome {
  const refused = events.find(({ reason }) => reason === 'FailedCreate');
  if (!refused) return { kind: 'running', at: 'no pod of it yet' };
  return { kind: 'failed', why: `its pod could not be created: ${shortened(refused.message)}` };
}

function unstarted(statuses: ContainerStatus[], image: string): ProbeOutcome | undefined {
  for (const { state } of statuses) {
    const { reason = '', message } = state?.waiting ?? {};
    const told = [reason, shortened(message)].filter((part) => part !== '').join(': ');
    if (IMAGE_TROUBLE.includes(reason))
      return { kind: 'failed', why: `its image ${image} cannot be pulled (rollout.probeImage): ${told}` };
    if (START_TROUBLE.includes(reason)) return { kind: 'failed', why: `its containers do not start: ${told}` };
  }
  return undefined;
}

/** Without a container that failed it was the kubelet that refused or ended the pod. */
function failureOf({ status }: Pod, statuses: ContainerStatus[], peer: Peer | undefined): string {
  const failed = statuses.flatMap(({ name, state }) => {
    const ended = state?.terminated;
    if (!ended || ended.exitCode === 0) return [];
    return [`${nameOf(name as ProbePart, peer)}: ${shortened(ended.message) || `exit code ${ended.exitCode}`}`];
  });
  if (failed.length > 0) return failed.join('; ');
  const why = [status?.reason, shortened(status?.message)].filter((part) => part !== undefined && part !== '');
  return `its pod failed: ${why.join(': ') || 'no reason given'}`;
}

function stateOf(statuses: ContainerStatus[]): string {
  const open = statuses.filter(({ state }) => !state?.terminated);
  if (open.length === 0) return 'its pod not started';
  return open
    .map(({ name, state }) => `${name} ${state?.running ? 'runs' : (state?.waiting?.reason ?? 'waits')}`)
    .join(', ');
}

function nameOf(part: ProbePart, peer: Peer | undefined): string {
  const names: Record<ProbePart, string> = {
    'cluster-dns': `cluster DNS (${API_NAME})`,
    'service-network': "service network (the API's address)",
    'pod-network': `pod network (${peer?.address ?? 'a pod'} on ${peer?.node ?? 'another node'})`,
  };
  return names[part];
}

function shortened(message = ''): string {
  const text = message.trim().replace(/\s+/g, ' ');
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}
