import { judgePod } from '../actions/podFilters.js';
import { isProbe } from '../checks/probe/manifest.js';
import { fullName } from '../clients/kubernetesObjects.js';
import type { Settings } from '../contract.js';
import { budgetFindings } from './budgets.js';
import { blocker, listed, warning, type Finding } from './finding.js';
import type { SchedulablePod } from './objects.js';
import type { PreflightRequest, TurnRequest } from './request.js';
import { fitOf } from './scheduler/fit.js';
import { withoutRoom } from './scheduler/room.js';
import { namespaceOf, type Scene } from './scheduler/scene.js';
import { selects } from './scheduler/selectors.js';
import type { KubernetesState } from './snapshot.js';

/** What a drain of the node will meet: pods it must not evict, budgets, and pods that have nowhere to go. */
export function podFindings(
  turn: TurnRequest,
  state: KubernetesState,
  scene: Scene,
  { settings, linstorController }: PreflightRequest,
  now: number,
): Finding[] {
  const node = turn.name;
  // A probe of the network is over within seconds, and needs no other place.
  const pods = scene.podsOn(node).filter((pod) => pod.metadata.deletionTimestamp === undefined && !isProbe(pod));
  const evict = pods.filter((pod) => judgePod(pod, settings).kind === 'evict');
  const coming = evict.filter(isMadeAgain);
  const emptied = scene.with(
    scene.pods.filter((pod) => !evict.includes(pod)),
    [node],
  );
  const homes = new Map(coming.map((pod) => [pod, fitOf(pod, emptied)]));
  const homeless = coming.filter((pod) => homes.get(pod)?.nodes.length === 0);
  const back = coming.filter((pod) => homes.get(pod)?.nodes.includes(node));
  return [
    ...refusedPods(node, pods, settings),
    ...budgetFindings({ node, evict, homeless }, state.budgets, scene.pods, now),
    ...homeless.map((pod) => homelessPod(node, pod, homes.get(pod)?.why ?? '', linstorController)),
    ...crowding(node, coming, homeless, emptied),
    ...comingBack(node, back),
    ...lostData(node, evict, scene, settings),
    ...unjudged(node, coming),
  ];
}

/** Whether something makes the pod anew after its eviction. */
export function isMadeAgain({ metadata, status }: SchedulablePod): boolean {
  const ended = ['Succeeded', 'Failed'].includes(status?.phase ?? '');
  return !ended && (metadata.ownerReferences ?? []).some(({ controller }) => controller === true);
}

function refusedPods(node: string, pods: SchedulablePod[], settings: Settings): Finding[] {
  return pods.flatMap((pod) => {
    const verdict = judgePod(pod, settings);
    if (verdict.kind !== 'refuse') return [];
    return [
      blocker({
        topic: 'pod',
        node,
        object: `pod ${fullName(pod)}`,
        expected: 'a pod that a drain may evict',
        found: verdict.why,
        remedy: 'move or delete the pod, or allow it by the setting named (prox-ops:rollout)',
      }),
    ];
  });
}

/** It waits, Pending, for its node to be back. Without its controller, LINSTOR could not evacuate. */
function homelessPod(
  node: string,
  pod: SchedulablePod,
  why: string,
  controller: PreflightRequest['linstorController'],
): Finding {
  const about = {
    topic: 'scheduling',
    node,
    object: `pod ${fullName(pod)}`,
    expected: 'another node that can run it',
  } as const;
  if (
    controller &&
    namespaceOf(pod) === controller.namespace &&
    selects(selectorOf(controller.selector), pod.metadata.labels)
  )
    return blocker({
      ...about,
      found: why,
      remedy: 'let the LINSTOR controller run on another node: the evacuation needs it',
    });
  return warning({ ...about, found: why, remedy: `it is Pending until ${node} is back` });
}

/** `key=value,key=value`, as settings have it. */
function selectorOf(text: string) {
  const pairs = text.split(',').map((part) => part.split('=', 2) as [string, string]);
  return { matchLabels: Object.fromEntries(pairs) };
}

/** Each would fit alone: whether they fit together is tried out, biggest first, onto the emptiest node that takes it. */
function crowding(node: string, coming: SchedulablePod[], homeless: SchedulablePod[], emptied: Scene): Finding[] {
  const movable = coming.filter((pod) => !homeless.includes(pod));
  const left = withoutRoom(movable, emptied, [node]);
  if (left.length === 0) return [];
  return [
    warning({
      topic: 'scheduling',
      node,
      object: `${movable.length} pods together`,
      expected: 'room for all of them on the other nodes at once',
      found: `no room left for ${listed(left.map(fullName))} (an estimate: the scheduler may place them better)`,
      remedy: `these are Pending until ${node} is back; scale something down to avoid it`,
    }),
  ];
}

/** A pod that tolerates the cordon may be placed on the node again while it is being drained. */
function comingBack(node: string, pods: SchedulablePod[]): Finding[] {
  if (pods.length === 0) return [];
  return [
    warning({
      topic: 'scheduling',
      node,
      object: listed(pods.map((pod) => `pod ${fullName(pod)}`)),
      expected: 'pods that a cordon keeps away',
      found: 'they tolerate node.kubernetes.io/unschedulable, so they may come back while the node is drained',
      remedy: 'narrow their tolerations, or scale them down for the rollout',
    }),
  ];
}

function lostData(
  node: string,
  evict: SchedulablePod[],
  scene: Scene,
  { deleteEmptyDirData, evictUnmanagedPods }: Settings,
): Finding[] {
  const holding = evict.filter(({ spec }) => deleteEmptyDirData && spec?.volumes?.some(({ emptyDir }) => emptyDir));
  const alone = evict.filter(
    (pod) => evictUnmanagedPods && !(pod.metadata.ownerReferences ?? []).some((owner) => owner.controller),
  );
  const local = evict.flatMap((pod) => localVolumes(pod, scene).map((volume) => `${volume} of pod ${fullName(pod)}`));
  const tell = (object: string, names: string[], found: string, remedy: string): Finding[] =>
    names.length === 0
      ? []
      : [
          warning({
            topic: 'pod',
            node,
            object,
            expected: 'no data or pod lost',
            found: `${found}: ${listed(names)}`,
            remedy,
          }),
        ];
  return [
    ...tell('local volumes', local, 'data that goes with the VM', 'copy it elsewhere first, or accept the loss'),
    ...tell(
      'emptyDir volumes',
      holding.map(fullName),
      'their data is deleted (deleteEmptyDirData)',
      'none, if it is scratch data',
    ),
    ...tell(
      'unmanaged pods',
      alone.map(fullName),
      'evicted, and nothing makes them again (evictUnmanagedPods)',
      'start them again by hand',
    ),
  ];
}

/** Volumes on the machine's own disks. */
function localVolumes(pod: SchedulablePod, scene: Scene): string[] {
  return (pod.spec?.volumes ?? []).flatMap(({ persistentVolumeClaim }) => {
    const claim = persistentVolumeClaim && scene.claim(namespaceOf(pod), persistentVolumeClaim.claimName);
    const volume = scene.volume(claim?.spec?.volumeName ?? '');
    return volume?.spec?.local || volume?.spec?.hostPath ? [volume.metadata.name] : [];
  });
}

function unjudged(node: string, pods: SchedulablePod[]): Finding[] {
  const strange = pods.filter(
    ({ spec }) =>
      (spec?.schedulerName ?? 'default-scheduler') !== 'default-scheduler' || (spec?.resourceClaims ?? []).length > 0,
  );
  if (strange.length === 0) return [];
  return [
    warning({
      topic: 'scheduling',
      node,
      object: listed(strange.map((pod) => `pod ${fullName(pod)}`)),
      expected: 'pods placed by the default scheduler, without dynamic resource claims',
      found: 'another scheduler or resource claims, whose rules are not known here',
      remedy: 'see for yourself whether they can run elsewhere',
    }),
  ];
}
