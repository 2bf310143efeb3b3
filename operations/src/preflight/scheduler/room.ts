import type { SchedulablePod } from '../objects.js';
import { fitOf } from './fit.js';
import { amounts, requestsOf } from './requests.js';
import type { Scene } from './scene.js';

/**
 * Pods for which no room is left once the others have theirs: tried out, biggest first, each onto the emptiest node that
 * takes it and is not `closed`. An estimate: the scheduler may place them better.
 */
export function withoutRoom(pods: SchedulablePod[], emptied: Scene, closed: readonly string[]): SchedulablePod[] {
  const left: SchedulablePod[] = [];
  let scene = emptied;
  for (const pod of [...pods].sort((a, b) => weight(b) - weight(a))) {
    const [target] = fitOf(pod, scene)
      .nodes.filter((name) => !closed.includes(name))
      .sort((a, b) => freeCpu(scene, b) - freeCpu(scene, a));
    if (target === undefined) left.push(pod);
    else scene = scene.with([...scene.pods, { ...pod, spec: { ...pod.spec, nodeName: target } }]);
  }
  return left;
}

function weight(pod: SchedulablePod): number {
  const { cpu = 0, memory = 0 } = requestsOf(pod);
  return cpu + memory / 2 ** 20;
}

function freeCpu(scene: Scene, name: string): number {
  const { cpu = 0 } = amounts(scene.node(name)?.status?.allocatable);
  return cpu - (scene.requestedOn(name)['cpu'] ?? 0);
}
