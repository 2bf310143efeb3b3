import { createHash } from 'node:crypto';
import { parseAllDocuments } from 'yaml';
import type { ClusterPki } from '../world/world.js';

export type Role = 'controlplane' | 'worker';

interface Keys {
  crt?: string;
  key?: string;
}

/** The parts of a v1alpha1 document that the lab reads; `talosctl validate` has checked the whole. */
interface V1Alpha1 {
  machine?: {
    type?: string;
    ca?: Keys;
    certSANs?: string[];
    kubelet?: { image?: string };
    nodeLabels?: Record<string, string>;
    nodeTaints?: Record<string, string>;
    network?: {
      hostname?: string;
      interfaces?: { deviceSelector?: { hardwareAddr?: string }; addresses?: string[]; vip?: { ip?: string } }[];
    };
  };
  cluster?: {
    id?: string;
    secret?: string;
    clusterName?: string;
    controlPlane?: { endpoint?: string };
    network?: { podSubnets?: string[]; serviceSubnets?: string[] };
    ca?: Keys;
    aggregatorCA?: Keys;
    serviceAccount?: { key?: string };
    apiServer?: { image?: string; certSANs?: string[] };
    etcd?: { ca?: Keys };
  };
}

interface Document {
  kind?: string;
  [key: string]: unknown;
}

/** A machine configuration as the lab's machines read it: one v1alpha1 document and the others by their kind. */
export class MachineConfiguration {
  private constructor(
    readonly text: string,
    readonly v1alpha1: V1Alpha1,
    private readonly documents: Document[],
  ) {}

  /** @throws Error when the text is not YAML. @returns undefined when it has no v1alpha1 document. */
  static parse(text: string): MachineConfiguration | undefined {
    const documents = parseAllDocuments(text).map((document) => {
      const problem = document.errors[0];
      if (problem) throw new Error(`error decoding document: yaml: ${problem.message.split('\n')[0]}`);
      return (document.toJS() ?? {}) as Document;
    });
    const main = documents.find(({ kind, version }) => kind === undefined && version === 'v1alpha1');
    return (
      main &&
      new MachineConfiguration(
        text,
        main as V1Alpha1,
        documents.filter((document) => document !== main),
      )
    );
  }

  get role(): Role {
    return this.v1alpha1.machine?.type === 'worker' ? 'worker' : 'controlplane';
  }

  /** The name the configuration gives; without one the platform's stays. */
  get hostname(): string | undefined {
    const hostname = this.documentOf('HostnameConfig')?.['hostname'];
    return typeof hostname === 'string' && hostname !== '' ? hostname : this.v1alpha1.machine?.network?.hostname;
  }

  /** Addresses in CIDR notation of the interfaces that are known by their MAC, in lower case. */
  get addresses(): Record<string, string[]> {
    const interfaces = this.v1alpha1.machine?.network?.interfaces ?? [];
    return Object.fromEntries(
      interfaces.flatMap(({ deviceSelector, addresses = [] }) => {
        const mac = deviceSelector?.hardwareAddr;
        return mac === undefined ? [] : [[mac.toLowerCase(), addresses]];
      }),
    );
  }

  /** Names the cluster in the fleet's books. */
  get clusterId(): string {
    return this.v1alpha1.cluster?.id ?? '';
  }

  /** Version of the kubelet image's tag. */
  get kubelet(): string {
    return tagOf(this.v1alpha1.machine?.kubelet?.image);
  }

  get nodeLabels(): Record<string, string> {
    return { ...this.v1alpha1.machine?.nodeLabels };
  }

  get nodeTaints(): Record<string, string> {
    return { ...this.v1alpha1.machine?.nodeTaints };
  }

  /** The OS authority, PEM texts; workers carry no key. */
  get osAuthority(): { crt: string; key?: string } {
    const { crt, key } = this.v1alpha1.machine?.ca ?? {};
    return { crt: decoded(crt), ...(key ? { key: decoded(key) } : {}) };
  }

  /** Further names and addresses for the machine API's certificate: asked for, and the virtual address. */
  get certSans(): string[] {
    return [...(this.v1alpha1.machine?.certSANs ?? []), ...this.virtualAddresses];
  }

  /** Addresses that control planes share. */
  get virtualAddresses(): string[] {
    const interfaces = this.v1alpha1.machine?.network?.interfaces ?? [];
    const fromLinks = interfaces.map(({ vip }) => vip?.ip);
    const fromDocuments = this.documents
      .filter(({ kind }) => kind === 'Layer2VIPConfig')
      .map((document) => document['name']);
    return [...fromLinks, ...fromDocuments].filter((address): address is string => typeof address === 'string');
  }

  /** The same for every machine of a cluster, and another for any other cluster; tells nothing about the secrets. */
  get fingerprint(): string {
    const { machine, cluster } = this.v1alpha1;
    const parts = [cluster?.id, cluster?.secret, machine?.ca?.crt, cluster?.ca?.crt];
    return createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 32);
  }

  /** What Kubernetes' control plane needs of a control plane's configuration. */
  get clusterPki(): ClusterPki {
    const { cluster = {} } = this.v1alpha1;
    return {
      clusterName: cluster.clusterName ?? '',
      endpoint: cluster.controlPlane?.endpoint ?? '',
      kubernetesVersion: tagOf(cluster.apiServer?.image ?? this.v1alpha1.machine?.kubelet?.image),
      ca: pair(cluster.ca),
      aggregatorCa: pair(cluster.aggregatorCA),
      serviceAccountKey: decoded(cluster.serviceAccount?.key),
      podSubnets: cluster.network?.podSubnets ?? [],
      serviceSubnets: cluster.network?.serviceSubnets ?? [],
      certSans: [...(cluster.apiServer?.certSANs ?? []), ...this.virtualAddresses],
    };
  }

  private documentOf(kind: string): Document | undefined {
    return this.documents.find((document) => document.kind === kind);
  }
}

function pair(keys: Keys | undefined): { crt: string; key: string } {
  return { crt: decoded(keys?.crt), key: decoded(keys?.key) };
}

function decoded(base64: string | undefined): string {
  return Buffer.from(base64 ?? '', 'base64').toString('utf8');
}

/** v1.34.1 of ghcr.io/siderolabs/kubelet:v1.34.1@sha256:... */
function tagOf(image: string | undefined): string {
  return /:(v[^@/:]+)(?:@.*)?$/.exec(image ?? '')?.[1] ?? '';
}
