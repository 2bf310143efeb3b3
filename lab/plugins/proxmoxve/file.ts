import { checkInputs } from '../protocol/check.js';
import { inputsFromState, plan, planCreation } from '../protocol/plan.js';
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
import { flag, num, text } from '../protocol/read-value.js';
import { bool, number, string } from '../protocol/schema.js';
import type { Schema } from '../protocol/schema.js';
import { Deadline } from '../protocol/timing.js';
import { Unknown } from '../protocol/values.js';
import type { PropertyMap } from '../protocol/values.js';
import { HttpError, isGone } from './api.js';
import type { Api } from './api.js';
import { describe } from './errors.js';
import { retry } from './retry.js';
import type { RetryRule } from './retry.js';
import { waitForTask } from './tasks.js';

const replace = { replace: true } as const;

const SCHEMA: Schema = {
  checksum: string(replace),
  checksumAlgorithm: string({ oneOf: ['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512'], ...replace }),
  contentType: string({ required: true, oneOf: ['iso', 'vztmpl', 'import'], ...replace }),
  datastoreId: string({ required: true, ...replace }),
  decompressionAlgorithm: string({ oneOf: ['gz', 'lzo', 'zst', 'bz2'], ...replace }),
  fileName: string({ computed: true, ...replace }),
  nodeName: string({ required: true, ...replace }),
  overwrite: bool({ default: true }),
  overwriteUnmanaged: bool({ default: false }),
  size: number({ outputOnly: true }),
  uploadTimeout: number({ default: 600 }),
  url: string({ required: true, ...replace }),
  verify: bool({ default: true }),
};

/**
 * What the last read found besides the state: the size before it and the size that the URL tells. Kept in the state
 * under a name that the engine does not show, as the real provider keeps it in its private state.
 */
const PRIVATE = '__private';

/**
 * A listing that fails is asked again ten times, 51 seconds in all. Trap, copied: after that a refresh takes the file
 * for gone and drops it from the state, even when only its host was offline.
 */
const LISTING: RetryRule = {
  attempts: 10,
  firstDelay: 0.1,
  lastErrorOnly: true,
  retryIf: (error) => !(error instanceof HttpError && (error.code === 403 || error.isGone)),
};

/** A file may be listed only some moments after its download. */
const VISIBLE: RetryRule = { attempts: 5, firstDelay: 0.2, lastErrorOnly: true, retryIf: () => true };

/** proxmoxve:download/file:File */
export class FileResource implements Resource {
  constructor(private readonly api: () => Api) {}

  check(call: CheckCall): Checked {
    const { inputs, failures } = checkInputs(SCHEMA, call.news);
    if (typeof inputs['url'] === 'string' && !/^https?:\/\/.*/.test(inputs['url'])) {
      failures.push({ property: 'url', reason: 'must match HTTP URL regex `https?://.*`' });
    }
    if ((inputs['checksum'] === undefined) !== (inputs['checksumAlgorithm'] === undefined)) {
      failures.push({ property: 'checksum', reason: 'checksum and checksumAlgorithm must be given together' });
    }
    return { inputs, failures };
  }

  diff(call: DiffCall): Difference {
    const { changes, planned } = plan(SCHEMA, call.olds, call.news, call.ignoreChanges);
    const size = num(call.olds['size']);
    const found = call.olds[PRIVATE] as { originalSize?: number; urlSize?: number } | undefined;
    if (flag(planned['overwrite']) && !changes.has('url') && found) {
      const { originalSize = size, urlSize = -1 } = found;
      if (originalSize !== size || (urlSize >= 0 && urlSize !== size)) {
        call.log('warning', `The file size has changed: ${size} in the datastore, ${urlSize} at the URL.`);
        changes.set('size', { kind: 'update', replace: true });
      }
    }
    // Trap, copied: the replacement is created first, under the same name, and is refused.
    return { changes };
  }

  async create(call: CreateCall): Promise<State> {
    const planned = planCreation(SCHEMA, call.inputs);
    if (call.preview) return { id: '', properties: planned };
    try {
      return await this.download(planned, (message) => call.log('warning', message));
    } catch (error) {
      throw describe(error);
    }
  }

  async read(call: ReadCall): Promise<(State & { inputs: PropertyMap }) | undefined> {
    const isImport = Object.keys(call.properties).length === 0;
    const state = isImport ? imported(call.id) : call.properties;
    const id = isImport ? call.id.slice(call.id.indexOf('/') + 1) : call.id;
    const size = await this.size(state, id).catch((error: unknown) => {
      const reason = (error as Error).message;
      call.log('warning', `The file does not exist in datastore and resource must be recreated. ${reason}`);
      return undefined;
    });
    if (size === undefined) return undefined;
    const urlSize = isImport || !flag(state['overwrite']) ? -1 : await this.urlSize(state);
    const originalSize = isImport ? size : num(state['size']);
    const properties = { ...state, size, [PRIVATE]: { originalSize, urlSize } };
    return { id, properties, inputs: isImport ? state : inputsFromState(call.inputs, properties) };
  }

  async update(call: UpdateCall): Promise<PropertyMap> {
    const { planned } = plan(SCHEMA, call.olds, call.news, call.ignoreChanges);
    return call.preview ? planned : { ...planned, size: await this.size(planned, call.id) };
  }

  async delete(call: DeleteCall): Promise<void> {
    try {
      await this.remove(call.properties, call.id);
    } catch (error) {
      const detail = `Could not delete datastore file '${call.id}', unexpected error: ${(error as Error).message}`;
      throw describe(new Error(`Error deleting datastore file\n${detail}`));
    }
  }

  private async download(planned: PropertyMap, warn: (message: string) => void): Promise<State> {
    const deadline = new Deadline(num(planned['uploadTimeout']));
    const metadata = await this.metadata(planned).catch((error: unknown) => {
      throw new Error(
        'Error initiating file download\nCould not get file metadata, unexpected error: error fetching metadata from ' +
          `download url, unexpected error in GetQueryURLMetadata: ${(error as Error).message}`,
      );
    });
    const fileName = planned['fileName'] instanceof Unknown ? metadata.filename : text(planned['fileName']);
    const state: PropertyMap = { ...planned, fileName };
    const id = `${text(state['datastoreId'])}:${text(state['contentType'])}/${fileName}`;
    try {
      await this.post(state, deadline, warn);
    } catch (error) {
      if (!exists(error) || !flag(state['overwriteUnmanaged'])) throw downloadError(error, fileName);
      // Trap, copied: the deletion is not waited for, and the download may find the old file still there.
      await this.remove(state, id);
      await this.post(state, deadline, warn);
    }
    const size = await retry(VISIBLE, () => this.size(state, id));
    return { id, properties: { ...state, size: size ?? 0 } };
  }

  private async post(state: PropertyMap, deadline: Deadline, warn: (message: string) => void): Promise<void> {
    const optional = (name: string): string | undefined => text(state[name]) || undefined;
    const upid = await this.api().task('POST', this.storage(state, 'download-url'), {
      content: text(state['contentType']),
      filename: text(state['fileName']),
      url: text(state['url']),
      'verify-certificates': flag(state['verify']),
      checksum: optional('checksum'),
      'checksum-algorithm': optional('checksumAlgorithm'),
      compression: optional('decompressionAlgorithm'),
    });
    await waitForTask(this.api(), upid, { deadline, warn });
  }

  private metadata(state: PropertyMap): Promise<{ filename: string; size?: number }> {
    const params = { url: text(state['url']), 'verify-certificates': flag(state['verify']) };
    return this.api().read(`nodes/${text(state['nodeName'])}/query-url-metadata`, params);
  }

  private async urlSize(state: PropertyMap): Promise<number> {
    return this.metadata(state).then(
      ({ size }) => size ?? -1,
      () => -1,
    );
  }

  /** Bytes of the file in its datastore. @throws Error when it is not listed. */
  private async size(state: PropertyMap, id: string): Promise<number> {
    const content = text(state['contentType']);
    const list = (): Promise<{ volid: string; size: number }[]> =>
      this.api().read(this.storage(state, 'content'), { content });
    const files = (await retry(LISTING, list)) ?? [];
    const file = files.find(({ volid }) => volid === id);
    if (!file) throw new Error('file does not exists in datastore');
    return file.size;
  }

  private async remove(state: PropertyMap, id: string): Promise<void> {
    const path = this.storage(state, `content/${id.replaceAll('/', '%2F')}`);
    try {
      await retry(LISTING, () => this.api().delete(path));
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }

  private storage(state: PropertyMap, rest: string): string {
    return `nodes/${text(state['nodeName'])}/storage/${text(state['datastoreId'])}/${rest}`;
  }
}

function exists(error: unknown): boolean {
  return error instanceof Error && error.message.includes('refusing to override existing file');
}

function downloadError(error: unknown, fileName: string): Error {
  const message = (error as Error).message;
  if (!exists(error)) {
    return new Error(
      `Error downloading file from url\nCould not download file '${fileName}', unexpected error: ${message}`,
    );
  }
  return new Error(
    'File already exists in the datastore, it was created outside of Terraform or is managed by another resource.\n' +
      `File already exists in the datastore: '${fileName}', error: ${message}`,
  );
}

/** Import ids are NODE/DATASTORE:CONTENT/FILE. */
function imported(id: string): PropertyMap {
  const match = /^([^/]+)\/([^:]+):([^/]+)\/(.+)$/.exec(id);
  if (!match) {
    throw new Error(
      `Expected import identifier with format: node_name/datastore_id:content_type/file_name. Got: "${id}"`,
    );
  }
  const [, nodeName = '', datastoreId = '', contentType = '', fileName = ''] = match;
  return { nodeName, datastoreId, contentType, fileName };
}
