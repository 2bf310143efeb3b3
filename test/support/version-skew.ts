import { CoreV1Api, KubeConfig, makeInformer, type Informer, type V1Node, type V1Pod } from '@kubernetes/client-node';
import semver from 'semver';
import type { EngineLab } from './engine-lab';

const API_SERVERS = 'k8s-app=kube-apiserver';

/** Watches a cluster's versions, and notes every moment at which a kubelet was newer than an API server. */
export class VersionSkew {
  readonly violations: string[] = [];
  private readonly kubelets = new Map<string, string>();
  private readonly servers = new Map<string, string>();

  private constructor(private readonly informers: Informer<V1Node | V1Pod>[]) {}

  static async watch({ lab }: EngineLab): Promise<VersionSkew> {
    const config = new KubeConfig();
    config.loadFromString(await lab.parts.kubernetes.adminKubeconfig());
    const api = config.makeApiClient(CoreV1Api);
    const pods = makeInformer<V1Pod>(
      config,
      '/api/v1/namespaces/kube-system/pods',
      () => api.listNamespacedPod({ namespace: 'kube-system', labelSelector: API_SERVERS }),
      API_SERVERS,
    );
    const nodes = makeInformer<V1Node>(config, '/api/v1/nodes', () => api.listNode());
    const skew = new VersionSkew([nodes, pods] as Informer<V1Node | V1Pod>[]);
    for (const event of ['add', 'update'] as const) {
      pods.on(event, (pod) => skew.server(pod));
      nodes.on(event, (node) => skew.kubelet(node));
    }
    await pods.start();
    await nodes.start();
    return skew;
  }

  /** Versions of all kubelets and all API servers, each once. */
  get versions(): { kubelets: string[]; servers: string[] } {
    return { kubelets: [...new Set(this.kubelets.values())], servers: [...new Set(this.servers.values())] };
  }

  async stop(): Promise<void> {
    await Promise.all(this.informers.map((informer) => informer.stop()));
  }

  private server({ spec }: V1Pod): void {
    const version = /:(v[^@]+)/.exec(spec?.containers[0]?.image ?? '')?.[1];
    if (version !== undefined) this.servers.set(spec?.nodeName ?? '', version);
    this.compare();
  }

  private kubelet({ metadata, status }: V1Node): void {
    const version = status?.nodeInfo?.kubeletVersion;
    if (version !== undefined) this.kubelets.set(metadata?.name ?? '', version);
    this.compare();
  }

  private compare(): void {
    for (const [node, kubelet] of this.kubelets)
      for (const [server, version] of this.servers)
        if (semver.gt(kubelet, version))
          this.violations.push(`kubelet of ${node} ${kubelet}, API server of ${server} ${version}`);
  }
}
