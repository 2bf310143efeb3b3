import type { V1Pod, V1VolumeAttachment } from '@kubernetes/client-node';
import type { Storage, World } from '../world/world.js';
import { coalesce } from './coalesce.js';
import { ifExists } from './connection.js';
import { nodePath, podPath, type Kubelets } from './kubelets.js';
import { CSI_DRIVER, MOUNTED_POD } from './names.js';
import type { Session } from './session.js';

/** What a pod has mounted. */
interface Mount {
  pod: string;
  node: string;
  /** Names of PersistentVolumes. */
  volumes: string[];
}

const FINALIZER = 'external-attacher/linstor-csi-linbit-com';

/**
 * The two parts of CSI that the real controller manager talks to. The external attacher: a VolumeAttachment made by the
 * attach-detach controller turns attached, one that is being deleted goes. The kubelet: it mounts what is attached to
 * its node for its pods, reports it as in use (so that the controller does not detach it under a pod), and tells the
 * storage that the replica there is in use. A pod's volumes are unmounted once the pod is gone.
 */
export class Volumes {
  private readonly mounts = new Map<string, Mount>();
  private readonly reconcile: () => void;

  constructor(
    private readonly session: Session,
    private readonly kubelets: Kubelets,
    private readonly storage: Storage,
    world: World,
  ) {
    this.reconcile = coalesce(
      () => this.look(),
      (error) => {
        if (session.signal.aborted) return;
        world.events.emit({ type: 'lab.failure', part: 'volumes', message: String(error) });
      },
    );
    session.onVolumes(this.reconcile);
    session.onPod((pod, gone) => {
      if (gone || claimsOf(pod).length > 0) this.reconcile();
    });
  }

  /** A kubelet came up, or went. A machine that is gone uses nothing, whatever the API still says of it. */
  kubeletChanged(node: string): void {
    if (!this.kubelets.serving(node)) {
      for (const [uid, mount] of this.mounts) if (mount.node === node) this.forget(uid, mount);
    }
    this.reconcile();
  }

  private async look(): Promise<void> {
    if (this.session.signal.aborted) return;
    for (const attachment of this.session.attachments.list()) await this.attach(attachment);
    const pods = new Map(this.session.pods.list().map((pod) => [pod.metadata!.uid!, pod]));
    for (const [uid, mount] of [...this.mounts]) if (!pods.has(uid)) await this.unmount(uid, mount);
    for (const [uid, pod] of pods) if (!this.mounts.has(uid)) await this.mount(uid, pod);
  }

  private async attach({ metadata, spec, status }: V1VolumeAttachment): Promise<void> {
    if (spec.attacher !== CSI_DRIVER) return;
    const { connection } = this.session;
    const path = `/apis/storage.k8s.io/v1/volumeattachments/${metadata!.name}`;
    if (metadata!.deletionTimestamp !== undefined) {
      await ifExists(connection.patch(path, 'merge', { metadata: { finalizers: null } }));
    } else if (!status?.attached) {
      await ifExists(connection.patch(path, 'merge', { metadata: { finalizers: [FINALIZER] } }));
      await ifExists(connection.patch(`${path}/status`, 'merge', { status: { attached: true } }));
    }
  }

  private async mount(uid: string, pod: V1Pod): Promise<void> {
    const node = pod.spec?.nodeName;
    if (node === undefined || !this.kubelets.serving(node) || pod.metadata!.deletionTimestamp !== undefined) return;
    const volumes = this.boundVolumes(pod);
    if (!volumes?.length || !volumes.every((volume) => this.isAttached(volume, node))) return;
    this.mounts.set(uid, { pod: podPath(pod), node, volumes });
    await this.reportInUse(node);
    for (const volume of volumes) this.storage.setInUse(volume, node, true);
    const mounted = { metadata: { annotations: { [MOUNTED_POD]: 'true' } } };
    await ifExists(this.session.connection.patch(podPath(pod), 'merge', mounted));
  }

  private async unmount(uid: string, mount: Mount): Promise<void> {
    this.forget(uid, mount);
    await this.reportInUse(mount.node);
  }

  private forget(uid: string, mount: Mount): void {
    this.mounts.delete(uid);
    for (const volume of mount.volumes) this.storage.setInUse(volume, mount.node, false);
  }

  private async reportInUse(node: string): Promise<void> {
    if (!this.kubelets.serving(node)) return;
    const volumes = [...this.mounts.values()].filter((mount) => mount.node === node).flatMap((mount) => mount.volumes);
    const volumesInUse = volumes.map((volume) => `kubernetes.io/csi/${CSI_DRIVER}^${volume}`);
    await ifExists(this.session.connection.patch(`${nodePath(node)}/status`, 'merge', { status: { volumesInUse } }));
  }

  /** The PersistentVolumes of a pod's claims; undefined while one of them is not bound. */
  private boundVolumes(pod: V1Pod): string[] | undefined {
    const volumes = claimsOf(pod).map(
      (claim) => this.session.claims.get(claim, pod.metadata!.namespace)?.spec?.volumeName,
    );
    return volumes.every((volume) => volume !== undefined) ? volumes : undefined;
  }

  private isAttached(volume: string, node: string): boolean {
    return this.session.attachments
      .list()
      .some(
        ({ metadata, spec, status }) =>
          spec.source.persistentVolumeName === volume &&
          spec.nodeName === node &&
          status?.attached === true &&
          metadata?.deletionTimestamp === undefined,
      );
  }
}

function claimsOf(pod: V1Pod): string[] {
  return (pod.spec?.volumes ?? []).flatMap(({ persistentVolumeClaim: claim }) => (claim ? [claim.claimName] : []));
}
