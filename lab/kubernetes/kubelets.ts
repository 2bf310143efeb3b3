import type { V1Node, V1Pod } from '@kubernetes/client-node';
import type { Machine, World } from '../world/world.js';
import { ApiError, ifExists, onConflictAgain } from './connection.js';
import type { Gate } from './gate.js';
import { CSI_DRIVER, DEVICE_PLUGIN, KUBELET_LABEL, KUBELET_UP, NEVER_READY } from './names.js';
import { bootStatus, deviceStatus, gpuCount, registeredNode, restartStatus } from './node-object.js';
import { restartedPod } from './pod-restart.js';
import type { Session } from './session.js';
import { isMirrorPod, isOutdated, mirrorPods } from './static-pods.js';

/** One kubelet from its start to its end. */
interface Run {
  machine: Machine;
  over: AbortController;
  registered: boolean;
  /** Whether the machine booted since its Node was last reported on; known from the first try on. */
  booted?: boolean;
}

/** Between two tries of a kubelet to register. */
const RETRY_PAUSE = 500;
const TRIES = 20;

/**
 * The kubelets' coming and going. What they do while they are up (heartbeats, starting and stopping containers) kwok
 * does, for every Node with the lab's label; here a Node gets that label after its registration, and loses it when its
 * machine goes.
 */
export class Kubelets {
  private readonly runs = new Map<string, Run>();
  /** What is being done for each node, in order: a kubelet that ends at once must not be overtaken by its own start. */
  private readonly queues = new Map<string, Promise<void>>();
  private session: Session | undefined;

  constructor(
    private readonly world: World,
    private readonly api: Gate<Session>,
    private readonly onChange: (node: string) => void,
  ) {
    world.faults.onChange(({ name, subject }, change) => {
      if (name === 'never-ready' && change === 'cleared') this.enqueue(subject, () => this.mayTurnReady(subject));
    });
  }

  /** A cluster was bootstrapped (or is gone). */
  attach(session: Session | undefined): void {
    this.session = session;
    session?.onPod((pod, gone) => this.onPod(session, pod, gone));
  }

  up(machine: Machine): void {
    this.runs.get(machine.node)?.over.abort();
    const run: Run = { machine, over: new AbortController(), registered: false };
    this.runs.set(machine.node, run);
    this.enqueue(machine.node, () => this.start(run));
  }

  down(node: string): void {
    const run = this.runs.get(node);
    run?.over.abort();
    this.runs.delete(node);
    this.onChange(node);
    this.enqueue(node, async () => {
      const label = { metadata: { labels: { [KUBELET_LABEL]: null } } };
      if (this.session) await ifExists(this.session.connection.patch(nodePath(node), 'merge', label));
    });
  }

  /** The machine whose kubelet is up and has registered. */
  serving(node: string): Machine | undefined {
    const run = this.runs.get(node);
    return run?.registered ? run.machine : undefined;
  }

  private enqueue(node: string, work: () => Promise<void>): void {
    const before = this.queues.get(node) ?? Promise.resolve();
    const next = before.then(work).catch((error: unknown) => this.failed(node, error));
    this.queues.set(node, next);
  }

  private failed(node: string, error: unknown): void {
    // After a wipe or at the end of the lab there is no API server to talk to, and nothing to be done about it.
    if (this.world.signal.aborted || !this.session || (error as Error).name === 'AbortError') return;
    this.world.events.emit({ type: 'lab.failure', part: `kubelet ${node}`, message: String(error) });
  }

  private async start(run: Run): Promise<void> {
    const signal = AbortSignal.any([run.over.signal, this.world.signal]);
    await this.world.clock.delay(this.world.durations.kubelet, signal);
    for (let left = TRIES; ; left -= 1) {
      try {
        return await this.register(await this.api.wait(signal), run);
      } catch (error) {
        if (signal.aborted || left <= 1) throw error;
        await this.world.clock.delay(RETRY_PAUSE, signal);
      }
    }
  }

  /** In a kubelet's order: the Node, what it lost in a boot, its static pods; then heartbeats and pods begin. */
  private async register(session: Session, run: Run): Promise<void> {
    const { machine } = run;
    const existing = await ifExists(session.connection.get<V1Node>(nodePath(machine.node)));
    run.booted ??= existing?.status?.nodeInfo?.bootID !== machine.bootId;
    const node = await onConflictAgain(() => this.putNode(session, machine));
    await this.putStatus(session, machine, run.booted);
    await this.putCsiNode(session, node);
    if (run.booted) await this.loseContainers(session, machine.node);
    await this.putMirrorPods(session, machine, node);
    if (run.over.signal.aborted) return;
    const never = this.world.faults.has('never-ready', machine.node) ? 'true' : null;
    await session.connection.patch(nodePath(machine.node), 'merge', {
      metadata: { labels: { [KUBELET_LABEL]: KUBELET_UP }, annotations: { [NEVER_READY]: never } },
    });
    run.registered = true;
    this.onChange(machine.node);
    await this.offerWhatIsThere(session, machine);
  }

  /** A device plugin may have been ready before this kubelet was seen to have registered: then nobody tells of it again. */
  private async offerWhatIsThere(session: Session, machine: Machine): Promise<void> {
    if (gpuCount(machine, this.world.inventory) === 0) return;
    const path = `/api/v1/pods?fieldSelector=${encodeURIComponent(`spec.nodeName=${machine.node}`)}`;
    const { items } = await session.connection.get<{ items: V1Pod[] }>(path);
    if (items.some((pod) => isDevicePlugin(pod) && isReady(pod))) await this.offerGpus(session, machine);
  }

  private async putNode({ connection }: Session, machine: Machine): Promise<V1Node> {
    const existing = await ifExists(connection.get<V1Node>(nodePath(machine.node)));
    const node = registeredNode(machine, existing);
    return existing ? connection.replace(nodePath(machine.node), node) : connection.create('/api/v1/nodes', node);
  }

  private async putStatus({ connection }: Session, machine: Machine, booted: boolean): Promise<void> {
    const status = booted
      ? bootStatus(machine, this.world.inventory, new Date(this.world.clock.now()))
      : restartStatus(machine);
    await connection.patch(`${nodePath(machine.node)}/status`, 'strategic', status);
  }

  /** What the kubelet's plugin registration writes once the CSI driver's node plugin has told it of itself. */
  private async putCsiNode({ connection }: Session, node: V1Node): Promise<void> {
    const name = node.metadata!.name!;
    await connection.patch(`/apis/storage.k8s.io/v1/csinodes/${name}?fieldManager=kubelet&force=true`, 'apply', {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'CSINode',
      metadata: { name, ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name, uid: node.metadata!.uid! }] },
      spec: { drivers: [{ name: CSI_DRIVER, nodeID: name, topologyKeys: ['linbit.com/hostname'] }] },
    });
  }

  private async loseContainers({ connection }: Session, node: string): Promise<void> {
    const path = `/api/v1/pods?fieldSelector=${encodeURIComponent(`spec.nodeName=${node}`)}`;
    const { items } = await connection.get<{ items: V1Pod[] }>(path);
    const now = new Date(this.world.clock.now());
    await Promise.all(
      items.map(async (pod) => {
        if (isMirrorPod(pod)) return void (await ifExists(connection.delete(podPath(pod), { gracePeriodSeconds: 0 })));
        const restarted = restartedPod(pod, now);
        if (!restarted) return;
        await ifExists(connection.patch(podPath(pod), 'merge', restarted.metadata));
        await ifExists(connection.patch(`${podPath(pod)}/status`, 'strategic', restarted.status));
      }),
    );
  }

  private async putMirrorPods({ connection }: Session, machine: Machine, node: V1Node): Promise<void> {
    for (const pod of mirrorPods(machine, node, new Date(this.world.clock.now()))) {
      const shown = await ifExists(connection.get<V1Pod>(podPath(pod)));
      if (shown && isOutdated(shown, pod)) await ifExists(connection.delete(podPath(pod), { gracePeriodSeconds: 0 }));
      await ifMissing(connection.create('/api/v1/namespaces/kube-system/pods', pod));
    }
  }

  private onPod(session: Session, pod: V1Pod, gone: boolean): void {
    const node = pod.spec?.nodeName;
    const machine = node === undefined ? undefined : this.serving(node);
    if (!machine) return;
    if (gone && isMirrorPod(pod)) this.enqueue(machine.node, () => this.mirrorAgain(session, machine));
    else if (!gone && isDevicePlugin(pod) && isReady(pod))
      this.enqueue(machine.node, () => this.offerGpus(session, machine));
  }

  /** A static pod can't be deleted through the API: its kubelet shows it again. */
  private async mirrorAgain(session: Session, machine: Machine): Promise<void> {
    const node = await ifExists(session.connection.get<V1Node>(nodePath(machine.node)));
    if (node && this.serving(machine.node) === machine) await this.putMirrorPods(session, machine, node);
  }

  private async offerGpus(session: Session, machine: Machine): Promise<void> {
    const gpus = gpuCount(machine, this.world.inventory);
    if (gpus === 0 || this.serving(machine.node) !== machine) return;
    await ifExists(session.connection.patch(`${nodePath(machine.node)}/status`, 'strategic', deviceStatus(gpus)));
  }

  private async mayTurnReady(node: string): Promise<void> {
    const annotation = { metadata: { annotations: { [NEVER_READY]: null } } };
    if (this.session) await ifExists(this.session.connection.patch(nodePath(node), 'merge', annotation));
  }
}

export function nodePath(node: string): string {
  return `/api/v1/nodes/${node}`;
}

export function podPath(pod: V1Pod): string {
  return `/api/v1/namespaces/${pod.metadata!.namespace}/pods/${pod.metadata!.name}`;
}

export function isReady(object: V1Pod | V1Node): boolean {
  return object.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
}

function isDevicePlugin(pod: V1Pod): boolean {
  return pod.metadata?.labels?.[DEVICE_PLUGIN.label] === DEVICE_PLUGIN.value;
}

/** Makes an object unless it is there. */
async function ifMissing(made: Promise<unknown>): Promise<void> {
  try {
    await made;
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 409) throw error;
  }
}
