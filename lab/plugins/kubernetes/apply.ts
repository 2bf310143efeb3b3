import { ApiError } from './client.js';
import type { KubeClient, KubeObject, ManagedFields } from './client.js';
import type { Discovery } from './discovery.js';
import { isPlain } from './objects.js';

/** Creates are plain creates, under this name, so that an object which exists already is an error. */
const CREATOR = 'pulumi-kubernetes';

export interface ApplyOptions {
  fieldManager: string;
  force: boolean;
  dryRun: boolean;
}

/** Writes single objects, the way the provider's version 4 does: created by POST, changed by server-side apply. */
export class Writer {
  constructor(
    private readonly client: KubeClient,
    private readonly discovery: Discovery,
  ) {}

  async get(object: KubeObject): Promise<KubeObject> {
    return this.client.call<KubeObject>({ method: 'GET', path: await this.path(object) });
  }

  async create(object: KubeObject, dryRun: boolean): Promise<KubeObject> {
    const path = await this.discovery.path(object.apiVersion, object.kind, object.metadata.namespace);
    try {
      const query = { fieldManager: CREATOR, ...(dryRun && { dryRun: 'All' }) };
      return await this.client.call<KubeObject>({ method: 'POST', path, query, body: object });
    } catch (error) {
      if (!(error instanceof ApiError) || error.reason !== 'AlreadyExists') throw error;
      throw new ApiError(error.code, error.reason, `${error.message}\n\n${EXISTS_HINT}`);
    }
  }

  async apply(object: KubeObject, options: ApplyOptions): Promise<KubeObject> {
    const { fieldManager, force, dryRun } = options;
    try {
      return await this.client.call<KubeObject>({
        method: 'PATCH',
        path: await this.path(object),
        query: { fieldManager, force: String(force), ...(dryRun && { dryRun: 'All' }) },
        contentType: 'application/apply-patch+yaml',
        body: object,
      });
    } catch (error) {
      if (!(error instanceof ApiError) || error.reason !== 'Conflict') throw error;
      throw new ApiError(error.code, error.reason, `${CONFLICT_HINT}${error.message}`);
    }
  }

  /** Definitions are put in place whole: an apply would leave fields behind. */
  async replace(object: KubeObject, live: KubeObject, options: ApplyOptions): Promise<KubeObject> {
    const metadata = { ...object.metadata, resourceVersion: live.metadata.resourceVersion };
    return this.client.call<KubeObject>({
      method: 'PUT',
      path: await this.path(object),
      query: { fieldManager: options.fieldManager, ...(options.dryRun && { dryRun: 'All' }) },
      body: { ...object, metadata },
    });
  }

  async remove(object: KubeObject): Promise<void> {
    const policy = object.metadata.annotations?.['pulumi.com/deletionPropagationPolicy'];
    const body = { kind: 'DeleteOptions', apiVersion: 'v1', propagationPolicy: capitalised(policy) ?? 'Foreground' };
    await this.client.call({ method: 'DELETE', path: await this.path(object), body });
  }

  /**
   * Hands what the create owns over to the manager that applies from now on; without this the create's fields would
   * never be removed again.
   */
  async adoptCreated(live: KubeObject, fieldManager: string): Promise<void> {
    const entries = live.metadata.managedFields ?? [];
    const created = entries.find(
      (entry) => entry.manager === CREATOR && entry.operation === 'Update' && !entry.subresource,
    );
    if (!created) return;
    const applied = entries.find((entry) => entry.manager === fieldManager && entry.operation === 'Apply');
    const merged: ManagedFields = {
      ...created,
      manager: fieldManager,
      operation: 'Apply',
      fieldsV1: union(created.fieldsV1 ?? {}, applied?.fieldsV1 ?? {}),
    };
    const managedFields = [...entries.filter((entry) => entry !== created && entry !== applied), merged];
    await this.client.call({
      method: 'PATCH',
      path: await this.path(live),
      contentType: 'application/json-patch+json',
      body: [
        { op: 'replace', path: '/metadata/managedFields', value: managedFields },
        { op: 'replace', path: '/metadata/resourceVersion', value: live.metadata.resourceVersion },
      ],
    });
  }

  private path(object: KubeObject): Promise<string> {
    return this.discovery.path(object.apiVersion, object.kind, object.metadata.namespace, object.metadata.name ?? '');
  }
}

const EXISTS_HINT =
  'The resource already exists in the cluster. To take it over use `pulumi import`; to manage some of its fields only ' +
  'use a Patch resource (e.g. NamespacePatch).';

const CONFLICT_HINT =
  'Server-Side Apply field conflict detected. See ' +
  'https://www.pulumi.com/registry/packages/kubernetes/how-to-guides/managing-resources-with-server-side-apply/#handle-field-conflicts-on-existing-resources ' +
  'for troubleshooting help.\nThe resource managed by field manager ';

function capitalised(policy: string | undefined): string | undefined {
  return policy === undefined ? undefined : policy.charAt(0).toUpperCase() + policy.slice(1);
}

function union(left: Record<string, unknown>, right: Record<string, unknown>): Record<string, unknown> {
  const result = { ...left };
  for (const [name, value] of Object.entries(right)) {
    const known = result[name];
    result[name] = isPlain(known) && isPlain(value) ? union(known, value) : value;
  }
  return result;
}
