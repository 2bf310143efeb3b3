import { InitError } from '../protocol/provider.js';
import type {
  CheckCall,
  Checked,
  CreateCall,
  DeleteCall,
  DiffCall,
  Difference,
  ReadCall,
  Resource,
  State,
  UpdateCall,
} from '../protocol/provider.js';
import { pause } from '../protocol/timing.js';
import { containsUnknown } from '../protocol/values.js';
import type { PropertyMap } from '../protocol/values.js';
import { NotReadyError } from './await.js';
import { ApiError, isNotFound, UnreachableError } from './client.js';
import type { KubeObject } from './client.js';
import type { Cluster } from './cluster.js';
import { objectDiff } from './diff.js';
import { forceNewFields } from './force-new.js';
import {
  AUTONAMED,
  autoname,
  checkpoint,
  fieldManagerOf,
  idOf,
  markSecrets,
  normalizeSecret,
  parseId,
  prune,
  readCheckpoint,
  toObject,
  toProperties,
} from './objects.js';

/** A create is tried this often when its namespace or definition is not there yet. */
const CREATE_ATTEMPTS = 5;

/** One kind of object, built in or custom. */
export class ObjectResource implements Resource {
  constructor(
    /** From the type token, for lookups that bring no inputs. */
    private readonly type: { apiVersion: string; kind: string },
    private readonly cluster: () => Cluster,
  ) {}

  async check(call: CheckCall): Promise<Checked> {
    const { settings, discovery } = this.cluster();
    if (await this.cluster().skipped()) return { inputs: call.olds, failures: [] };
    const news = normalizeSecret(call.news);
    const inputs = toObject(news);
    const old = Object.keys(call.olds).length > 0 ? toObject(call.olds) : undefined;
    if (inputs.metadata.generateName && !inputs.metadata.name) {
      throw new Error('the `.metadata.generateName` field is not supported in Server-Side Apply mode');
    }
    autoname(inputs, old, call.name, call.randomSeed);
    if (settings.namespace !== '' && !inputs.metadata.namespace) {
      if (await discovery.isNamespaced(inputs.apiVersion, inputs.kind)) inputs.metadata.namespace = settings.namespace;
    }
    return { inputs: markSecrets(toProperties(inputs), news), failures: [] };
  }

  async diff(call: DiffCall): Promise<Difference> {
    if (await this.cluster().skipped()) return { changes: new Map(), deleteBeforeReplace: false };
    const { old, live, inputs } = await this.compared(call);
    const changes = objectDiff(old, inputs, this.forceNew(inputs), call.ignoreChanges);
    const { metadata } = inputs;
    const sameName = metadata.name === live.metadata.name && metadata.namespace === live.metadata.namespace;
    const named = metadata.annotations?.[AUTONAMED] !== 'true';
    return { changes, deleteBeforeReplace: named && sameName };
  }

  async create(call: CreateCall): Promise<State> {
    const inputs = toObject(call.inputs);
    if (call.preview) return { id: '', properties: await this.previewCreation(call, inputs) };
    const { discovery, awaiter } = this.cluster();
    const fieldManager = fieldManagerOf(inputs);
    const created = await this.attempt(() => this.submit(inputs, fieldManager)).catch((error: Error) => {
      if (error instanceof UnreachableError) throw error;
      throw new Error(
        `resource "${call.urn}" was not successfully created by the Kubernetes API server: ${error.message}`,
      );
    });
    const state = (live: KubeObject): PropertyMap => checkpoint(inputs, live, call.inputs, fieldManager);
    const live = await awaiter.ready(created, call.timeout).catch((error: unknown) => {
      throw this.halfMade(call.urn, 'was successfully created', created, error, state);
    });
    if (inputs.kind === 'CustomResourceDefinition') discovery.forget();
    return { id: idOf(live), properties: state(live) };
  }

  async read(call: ReadCall): Promise<(State & { inputs: PropertyMap }) | undefined> {
    const isImport = Object.keys(call.inputs).length === 0;
    if (await this.cluster().skipped()) return call;
    const stored = readCheckpoint(call.properties);
    const known = isImport ? this.named(call.id) : toObject(call.inputs);
    const { name, namespace } = parseId(call.id);
    const metadata = { ...known.metadata, name, ...(namespace !== undefined && { namespace }) };
    try {
      const live = await this.cluster().writer.get({ ...known, metadata });
      const inputs = isImport ? importedInputs(live) : (prune(live, known) as KubeObject);
      const manager = isImport ? fieldManagerOf(inputs) : stored.fieldManager;
      const properties = checkpoint(inputs, live, call.inputs, manager, stored.initialApiVersion ?? live.apiVersion);
      return { id: call.id, properties, inputs: markSecrets(toProperties(inputs), call.inputs) };
    } catch (error) {
      if (isNotFound(error)) return undefined;
      if (error instanceof UnreachableError) return this.whenUnreachable(error);
      throw error;
    }
  }

  async update(call: UpdateCall): Promise<PropertyMap> {
    const inputs = toObject(call.news);
    const { live, fieldManager, initialApiVersion } = readCheckpoint(call.olds);
    const manager = fieldManagerOf(inputs, fieldManager);
    const state = (object: KubeObject): PropertyMap =>
      checkpoint(inputs, object, call.news, manager, initialApiVersion);
    if (call.preview && containsUnknown(call.news)) return call.news;
    try {
      const changed = await this.change(inputs, live, manager, call.preview);
      if (call.preview) return state(changed);
      return state(await this.cluster().awaiter.ready(changed, call.timeout));
    } catch (error) {
      if (call.preview && !isRefusal(error)) return call.news;
      if (error instanceof NotReadyError) throw this.halfMade(call.urn, 'was updated', live, error, state);
      throw new Error(`update of resource "${call.urn}" failed: ${(error as Error).message}`);
    }
  }

  async delete(call: DeleteCall): Promise<void> {
    const { live, fieldManager } = readCheckpoint(call.properties);
    const { writer, awaiter } = this.cluster();
    try {
      if (this.isPatch(live)) return await this.relinquish(live, fieldManager);
      await writer.remove(live);
      await awaiter.gone(live, call.timeout);
    } catch (error) {
      if (isNotFound(error)) return;
      if (error instanceof UnreachableError) this.whenUnreachable(error);
      else throw error;
    }
  }

  /** Both sides of a comparison: what the last inputs said of the live object, and the new inputs. */
  private async compared(call: DiffCall): Promise<{ old: KubeObject; live: KubeObject; inputs: KubeObject }> {
    const checkpointed = readCheckpoint(call.olds);
    const inputs = toObject(normalizeSecret(call.news));
    const old = prune(checkpointed.live, checkpointed.inputs) as KubeObject;
    old.metadata = { ...old.metadata, name: checkpointed.live.metadata.name ?? '' };
    const live = structuredClone(checkpointed.live);
    const namespaced = await this.cluster().discovery.isNamespaced(inputs.apiVersion, inputs.kind);
    for (const { metadata } of [old, live, inputs]) {
      if (namespaced) metadata.namespace = metadata.namespace || 'default';
      else delete metadata.namespace;
    }
    return { old, live, inputs };
  }

  private forceNew(inputs: KubeObject): string[] {
    return this.isPatch(inputs)
      ? ['metadata.name', 'metadata.namespace']
      : forceNewFields(inputs, this.cluster().settings.mutable);
  }

  /** A Patch resource manages some fields of an object that somebody else has made: NodePatch for a Node. */
  private isPatch(object: KubeObject): boolean {
    return this.type.kind.endsWith('Patch') && object.kind !== this.type.kind;
  }

  private async submit(inputs: KubeObject, fieldManager: string, dryRun = false): Promise<KubeObject> {
    const { writer } = this.cluster();
    const isPatch = this.isPatch(inputs);
    if (!isPatch && !this.cluster().settings.upsertExistingObjects) return writer.create(inputs, dryRun);
    if (isPatch) await writer.get(inputs);
    return writer.apply(inputs, { fieldManager, force: this.force(inputs), dryRun });
  }

  private async change(
    inputs: KubeObject,
    known: KubeObject,
    fieldManager: string,
    dryRun: boolean,
  ): Promise<KubeObject> {
    const { writer } = this.cluster();
    const live = await writer.get(known);
    const options = { fieldManager, force: this.force(inputs) || dryRun, dryRun };
    if (inputs.kind === 'CustomResourceDefinition') return writer.replace(inputs, live, options);
    if (!dryRun) await writer.adoptCreated(live, fieldManager);
    return writer.apply(inputs, options);
  }

  /** Giving up every field that a patch owns: an apply that says nothing. */
  private async relinquish(live: KubeObject, fieldManager: string): Promise<void> {
    const { apiVersion, kind, metadata } = live;
    const { name, namespace } = metadata;
    const empty = { apiVersion, kind, metadata: { ...(name && { name }), ...(namespace && { namespace }) } };
    await this.cluster().writer.apply(empty, { fieldManager, force: false, dryRun: false });
  }

  private force(inputs: KubeObject): boolean {
    return this.cluster().settings.patchForce || inputs.metadata.annotations?.['pulumi.com/patchForce'] === 'true';
  }

  /** The server's own idea of the new object; the inputs as they are when it cannot have one yet. */
  private async previewCreation(call: CreateCall, inputs: KubeObject): Promise<PropertyMap> {
    if (containsUnknown(call.inputs) || this.isPatch(inputs)) return call.inputs;
    try {
      const planned = await this.submit(inputs, fieldManagerOf(inputs), true);
      delete planned['status'];
      return checkpoint(inputs, planned, call.inputs, fieldManagerOf(inputs));
    } catch (error) {
      if (isRefusal(error)) throw error;
      return call.inputs;
    }
  }

  /** A namespace or a definition may be created beside this object: what is not found is tried again. */
  private async attempt(operation: () => Promise<KubeObject>): Promise<KubeObject> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await operation();
      } catch (error) {
        if (!isNotFound(error) || attempt >= CREATE_ATTEMPTS) throw error;
        await pause(2 ** (attempt - 1));
      }
    }
  }

  private halfMade(
    urn: string,
    what: string,
    fallback: KubeObject,
    error: unknown,
    state: (live: KubeObject) => PropertyMap,
  ): InitError {
    const live = error instanceof NotReadyError ? error.object : fallback;
    const reason = `resource "${urn}" ${what}, but the Kubernetes API server reported that it failed to fully initialize or become live: ${(error as Error).message}`;
    return new InitError(idOf(live), state(live), [reason]);
  }

  private whenUnreachable(error: UnreachableError): undefined {
    if (this.cluster().settings.deleteUnreachable) return undefined;
    throw new Error(
      `${error.message}. If the cluster was deleted, you can remove this resource from Pulumi state by rerunning the ` +
        'operation with the PULUMI_K8S_DELETE_UNREACHABLE environment variable set to "true"',
    );
  }

  private named(id: string): KubeObject {
    return { ...this.type, kind: this.type.kind.replace(/(?<=.)Patch$/, ''), metadata: parseId(id) };
  }
}

/** The server says no for a reason that no waiting mends: an invalid or forbidden object. */
function isRefusal(error: unknown): boolean {
  return error instanceof ApiError && (error.code === 400 || error.code === 422);
}

const SERVER_FIELDS = ['creationTimestamp', 'generation', 'managedFields', 'resourceVersion', 'uid'];

function importedInputs(live: KubeObject): KubeObject {
  const inputs = structuredClone(live);
  for (const field of SERVER_FIELDS) delete inputs.metadata[field];
  delete inputs['status'];
  return inputs;
}
