import { loadAuthority } from '../world/certificates.js';
import type { ClusterPki, KeyValue, Kubernetes, Machine, Machines, Storage, World } from '../world/world.js';
import { auditLogPath, ControlPlane, type Binaries, type Program } from './control-plane.js';
import { ConnectingPods } from './connecting-pods.js';
import { ApiEndpoints } from './endpoints.js';
import { Gate } from './gate.js';
import { HeldPods } from './held-pods.js';
import { IngressAddress } from './ingress.js';
import { KubeletDoors } from './kubelet-doors.js';
import { isReady, Kubelets } from './kubelets.js';
import { clientKubeconfig } from './pki.js';
import { Session } from './session.js';
import { timing, type Timing } from './timing.js';
import { keepBudget } from './tight-budget.js';
import { Volumes } from './volumes.js';

export interface KubernetesDependencies {
  /** Asked late: machines and Kubernetes know each other. */
  machines: () => Machines;
  storage: Storage;
  binaries: Binaries;
  /** An audit policy as YAML text; requests that it selects are written to `auditLog`. */
  auditPolicy?: string;
  /** Heartbeats and how long a silent node is waited for; by default scaled with the world's durations. */
  timing?: Timing;
}

/** Users of the lab's own parts, as the API server's audit log names them. */
export const LAB_USERS = ['lab:kubelets', 'lab:observer'] as const;

/** Everything that lives from a bootstrap to the next wipe. */
interface Life {
  pki: ClusterPki;
  controlPlane: ControlPlane;
  session: Session;
  volumes: Volumes;
  heldPods: HeldPods;
  connectingPods: ConnectingPods;
  doors: KubeletDoors;
  ingress: IngressAddress;
  over: AbortController;
}

/** The real Kubernetes control plane, and the stand-ins of what would run on machines: kubelets, CSI, load balancing. */
export class KubernetesCluster implements Kubernetes {
  private life: Promise<Life> | undefined;
  private closing: Promise<void> | undefined;
  private current: Life | undefined;
  private readonly api = new Gate<Session>();
  private readonly kubelets: Kubelets;
  private readonly endpoints: ApiEndpoints;

  constructor(
    private readonly world: World,
    private readonly deps: KubernetesDependencies,
  ) {
    this.kubelets = new Kubelets(world, this.api, (node) => this.kubeletChanged(node));
    this.endpoints = new ApiEndpoints(world, deps.machines, (reachable) => this.setReachable(reachable));
    world.signal.addEventListener('abort', () => void this.close(), { once: true });
  }

  /** Where the audit log is, once there is one. */
  get auditLog(): string {
    return auditLogPath(this.world);
  }

  /** @throws Error with the last log lines when a program does not start. A later call tries again. */
  async bootstrap(pki: ClusterPki, contents: KeyValue[] = []): Promise<void> {
    this.life ??= this.begin(pki, contents).catch((error: unknown) => {
      this.life = undefined;
      throw error;
    });
    await this.life;
  }

  async contents(): Promise<KeyValue[]> {
    const { controlPlane } = await this.alive();
    return controlPlane.etcd.contents();
  }

  kubeletUp(machine: Machine): void {
    if (isControlPlane(machine)) this.serveAt(machine.address);
    this.kubelets.up(machine);
  }

  kubeletDown(node: string): void {
    this.kubelets.down(node);
  }

  async wipe(): Promise<void> {
    const life = await this.life?.catch(() => undefined);
    this.life = undefined;
    this.current = undefined;
    this.kubelets.attach(undefined);
    this.api.close();
    this.endpoints.shut();
    life?.over.abort();
    life?.doors.close();
    life?.ingress.close();
    await life?.controlPlane.stop();
  }

  /** Ends everything; the lab goes down. Also begins by itself when the world's signal is aborted. */
  close(): Promise<void> {
    this.closing ??= this.wipe().then(() => this.endpoints.close());
    return this.closing;
  }

  async adminKubeconfig(): Promise<string> {
    const { pki } = await this.alive();
    return this.kubeconfig(pki, pki.endpoint, { commonName: 'admin', organization: 'system:masters' });
  }

  /** For the lab's own observers: past the endpoints, so that it works without quorum and under the API's faults. */
  async observerKubeconfig(): Promise<string> {
    const { pki, controlPlane } = await this.alive();
    const { host, port } = controlPlane.apiServer;
    const server = `https://${host}:${port}`;
    return this.kubeconfig(pki, server, { commonName: 'lab:observer', organization: 'system:masters' });
  }

  /** Whether the kubelet of the machine that has this name now is up, and the API server says that the Node is Ready. */
  nodeReady(node: string): boolean {
    const found = this.kubelets.serving(node) && this.current?.session.nodes.get(node);
    return found !== undefined && isReady(found);
  }

  /** Process ids of the control plane's programs. */
  pids(): Partial<Record<Program, number>> {
    return this.current?.controlPlane.pids() ?? {};
  }

  private async begin(pki: ClusterPki, contents: KeyValue[]): Promise<Life> {
    const controlPlane = await ControlPlane.start(this.world, this.deps.binaries, {
      pki,
      contents,
      addresses: this.deps
        .machines()
        .running()
        .filter(isControlPlane)
        .map((machine) => machine.address),
      timing: this.deps.timing ?? timing(this.world.durations),
      ...(this.deps.auditPolicy === undefined ? {} : { auditPolicy: this.deps.auditPolicy }),
    });
    const over = new AbortController();
    const session = await Session.open(controlPlane.connection, AbortSignal.any([over.signal, this.world.signal]));
    this.kubelets.attach(session);
    const volumes = new Volumes(session, this.kubelets, this.deps.storage, this.world);
    keepBudget(this.world, session);
    const heldPods = new HeldPods(this.world, session);
    const connectingPods = new ConnectingPods(this.world, session, this.kubelets);
    const doors = new KubeletDoors(this.world, controlPlane.kubeletServer);
    const ingress = new IngressAddress(this.world, session);
    const life = { pki, controlPlane, session, volumes, heldPods, connectingPods, doors, ingress, over };
    this.current = life;
    this.endpoints.open(controlPlane.apiServer, new URL(pki.endpoint).hostname);
    return life;
  }

  private serveAt(address: string): void {
    const life = this.current;
    life?.controlPlane.serveAt(address).catch((error: unknown) => {
      if (life.session.signal.aborted) return;
      this.world.events.emit({ type: 'lab.failure', part: 'kube-apiserver certificate', message: String(error) });
    });
  }

  private kubeletChanged(node: string): void {
    this.current?.volumes.kubeletChanged(node);
    this.current?.doors.update(node, this.kubelets.serving(node));
  }

  private setReachable(reachable: boolean): void {
    if (reachable && this.current) this.api.open(this.current.session);
    else this.api.close();
  }

  private async alive(): Promise<Life> {
    if (!this.life) throw new Error('Kubernetes: expected a bootstrapped cluster, found none; bootstrap etcd first');
    return this.life;
  }

  private async kubeconfig(
    pki: ClusterPki,
    server: string,
    subject: { commonName: string; organization: string },
  ): Promise<string> {
    const ca = await loadAuthority(pki.ca.crt, pki.ca.key);
    return clientKubeconfig(ca, pki.clusterName, server, subject);
  }
}

function isControlPlane(machine: Machine): boolean {
  return machine.role === 'controlplane';
}
