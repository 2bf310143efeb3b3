import { ApiError, isNotFound } from './client.js';
import type { KubeClient } from './client.js';

export interface ApiResource {
  /** Plural, as in the path. */
  name: string;
  kind: string;
  namespaced: boolean;
}

/** Kinds without a namespace, for when the server cannot be asked. */
const CLUSTER_KINDS = new Set([
  'APIService',
  'CSIDriver',
  'CSINode',
  'ClusterRole',
  'ClusterRoleBinding',
  'CustomResourceDefinition',
  'FlowSchema',
  'IngressClass',
  'MutatingWebhookConfiguration',
  'Namespace',
  'Node',
  'PersistentVolume',
  'PriorityClass',
  'PriorityLevelConfiguration',
  'RuntimeClass',
  'StorageClass',
  'ValidatingAdmissionPolicy',
  'ValidatingAdmissionPolicyBinding',
  'ValidatingWebhookConfiguration',
  'VolumeAttachment',
]);

/** What kinds the API server has, group by group, asked when first needed. */
export class Discovery {
  private readonly groups = new Map<string, Promise<ApiResource[]>>();

  constructor(private readonly client: KubeClient) {}

  /** @throws ApiError 404 for a kind that the server does not have (yet). */
  async find(apiVersion: string, kind: string): Promise<ApiResource> {
    const known = (await this.list(apiVersion)).find((resource) => resource.kind === kind);
    if (known) return known;
    // A definition may have been added since: ask again before giving up.
    this.forget();
    const fresh = (await this.list(apiVersion)).find((resource) => resource.kind === kind);
    if (fresh) return fresh;
    throw new ApiError(404, 'NotFound', `no matches for kind "${kind}" in version "${apiVersion}"`);
  }

  async exists(apiVersion: string, kind: string): Promise<boolean> {
    try {
      await this.find(apiVersion, kind);
      return true;
    } catch {
      return false;
    }
  }

  /** Whether objects of the kind have a namespace; a kind that nobody knows is taken to have one. */
  async isNamespaced(apiVersion: string, kind: string): Promise<boolean> {
    if (CLUSTER_KINDS.has(kind)) return false;
    try {
      return (await this.find(apiVersion, kind)).namespaced;
    } catch {
      return true;
    }
  }

  forget(): void {
    this.groups.clear();
  }

  /** The path of one object, or of its kind's collection without a name. */
  async path(apiVersion: string, kind: string, namespace: string | undefined, name?: string): Promise<string> {
    const { name: plural, namespaced } = await this.find(apiVersion, kind);
    const scope = namespaced ? `/namespaces/${encodeURIComponent(namespace || 'default')}` : '';
    return `${groupPath(apiVersion)}${scope}/${plural}${name === undefined ? '' : `/${encodeURIComponent(name)}`}`;
  }

  private list(apiVersion: string): Promise<ApiResource[]> {
    const known = this.groups.get(apiVersion);
    if (known) return known;
    const asked = this.ask(apiVersion);
    this.groups.set(apiVersion, asked);
    asked.catch(() => this.groups.delete(apiVersion));
    return asked;
  }

  private async ask(apiVersion: string): Promise<ApiResource[]> {
    try {
      const list = await this.client.call<{ resources: ApiResource[] }>({ method: 'GET', path: groupPath(apiVersion) });
      return list.resources.filter(({ name }) => !name.includes('/'));
    } catch (error) {
      if (isNotFound(error)) return [];
      throw error;
    }
  }
}

function groupPath(apiVersion: string): string {
  return apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}
