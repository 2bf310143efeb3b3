import type { V1Pod } from '@kubernetes/client-node';
import type { World } from '../world/world.js';
import { coalesce } from './coalesce.js';
import { ifExists } from './connection.js';
import { podPath } from './kubelets.js';
import { HELD_POD } from './names.js';
import type { Session } from './session.js';

/**
 * The fault pod-never-terminates: the first pod that is deleted on the node keeps terminating until the fault is
 * cleared (or somebody force-deletes it). Every pod of the node is marked beforehand, because a mark that comes after
 * the deletion may come too late; once one was deleted, the others lose theirs.
 */
export class HeldPods {
  /** Node to the uid of the pod that hangs there. */
  private readonly victims = new Map<string, string>();
  private readonly reconcile: () => void;

  constructor(
    private readonly world: World,
    private readonly session: Session,
  ) {
    this.reconcile = coalesce(
      () => this.look(),
      (error) => {
        if (session.signal.aborted) return;
        world.events.emit({ type: 'lab.failure', part: 'held-pods', message: String(error) });
      },
    );
    session.onPod((pod) => {
      if (this.isFaulty(pod) || isMarked(pod)) this.reconcile();
    });
    const stop = world.faults.onChange(({ name }) => {
      if (name === 'pod-never-terminates') this.reconcile();
    });
    session.signal.addEventListener('abort', stop, { once: true });
    this.reconcile();
  }

  private async look(): Promise<void> {
    if (this.session.signal.aborted) return;
    for (const node of [...this.victims.keys()]) {
      if (!this.world.faults.has('pod-never-terminates', node)) this.victims.delete(node);
    }
    const pods = this.session.pods.list();
    for (const pod of pods) this.chooseVictim(pod);
    for (const pod of pods) await this.mark(pod);
  }

  private chooseVictim(pod: V1Pod): void {
    const node = pod.spec?.nodeName ?? '';
    const dying = pod.metadata!.deletionTimestamp !== undefined;
    if (dying && isMarked(pod) && this.isFaulty(pod) && !this.victims.has(node))
      this.victims.set(node, pod.metadata!.uid!);
  }

  private async mark(pod: V1Pod): Promise<void> {
    const victim = this.victims.get(pod.spec?.nodeName ?? '');
    const wanted = this.isFaulty(pod) && (victim === undefined || victim === pod.metadata!.uid);
    if (wanted === isMarked(pod)) return;
    const annotations = { [HELD_POD]: wanted ? 'true' : null };
    await ifExists(this.session.connection.patch(podPath(pod), 'merge', { metadata: { annotations } }));
  }

  private isFaulty(pod: V1Pod): boolean {
    return this.world.faults.has('pod-never-terminates', pod.spec?.nodeName ?? '');
  }
}

function isMarked(pod: V1Pod): boolean {
  return pod.metadata?.annotations?.[HELD_POD] !== undefined;
}
