import type { ClusterPki, KeyValue, Kubernetes, Machine } from '../world/world.js';

export interface KubernetesObserver {
  /** The real control plane runs; told once for each life of the cluster. */
  bootstrapped(pki: ClusterPki): void;
  wiped(): void;
  handedOut(kubeconfig: string): void;
}

/** The cluster as machines use it, with somebody who is told of its beginning and end. */
export class ObservedKubernetes implements Kubernetes {
  private alive = false;

  constructor(
    private readonly cluster: Kubernetes,
    private readonly observer: KubernetesObserver,
  ) {}

  async bootstrap(pki: ClusterPki, contents?: KeyValue[]): Promise<void> {
    await this.cluster.bootstrap(pki, contents);
    if (this.alive) return;
    this.alive = true;
    this.observer.bootstrapped(pki);
  }

  contents(): Promise<KeyValue[]> {
    return this.cluster.contents();
  }

  async wipe(): Promise<void> {
    this.alive = false;
    this.observer.wiped();
    await this.cluster.wipe();
  }

  async adminKubeconfig(): Promise<string> {
    const kubeconfig = await this.cluster.adminKubeconfig();
    this.observer.handedOut(kubeconfig);
    return kubeconfig;
  }

  kubeletUp(machine: Machine): void {
    this.cluster.kubeletUp(machine);
  }

  kubeletDown(node: string): void {
    this.cluster.kubeletDown(node);
  }

  nodeReady(node: string): boolean {
    return this.cluster.nodeReady(node);
  }
}
