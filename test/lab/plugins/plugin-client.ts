import * as grpc from '@grpc/grpc-js';
import { ResourceProviderClient } from '@pulumi/pulumi/proto/provider_grpc_pb.js';
import * as rpc from '@pulumi/pulumi/proto/provider_pb.js';
import { Status } from '@pulumi/pulumi/proto/status_pb.js';
import type { Provider } from '../../../lab/plugins/protocol/provider.js';
import { listen } from '../../../lab/plugins/protocol/serve.js';
import { decode, encode } from '../../../lab/plugins/protocol/values.js';
import type { PropertyMap } from '../../../lab/plugins/protocol/values.js';

export interface Created {
  id: string;
  properties: PropertyMap;
}

/** What a failed operation told the engine of a resource that exists half made. */
export class HalfMade extends Error {
  constructor(
    message: string,
    readonly id: string,
    readonly properties: PropertyMap,
    readonly reasons: string[],
  ) {
    super(message);
  }
}

/** A provider served in this process, called as the engine calls it. */
export class PluginClient {
  private constructor(
    private readonly client: ResourceProviderClient,
    private readonly stop: () => void,
  ) {}

  static async start(provider: Provider, config: PropertyMap = {}): Promise<PluginClient> {
    const server = await listen(provider);
    const client = new ResourceProviderClient(`127.0.0.1:${server.port}`, grpc.credentials.createInsecure());
    const plugin = new PluginClient(client, () => server.stop());
    await plugin.configure(config);
    return plugin;
  }

  close(): void {
    this.client.close();
    this.stop();
  }

  configure(config: PropertyMap): Promise<rpc.ConfigureResponse> {
    return this.call((done) => this.client.configure(new rpc.ConfigureRequest().setArgs(encode(config)), done));
  }

  async check(
    type: string,
    news: PropertyMap,
    olds: PropertyMap = {},
  ): Promise<{ inputs: PropertyMap; failures: string[] }> {
    const request = new rpc.CheckRequest().setUrn(urn(type)).setNews(encode(news)).setOlds(encode(olds));
    const response = await this.call<rpc.CheckResponse>((done) => this.client.check(request, done));
    const failures = response.getFailuresList().map((failure) => `${failure.getProperty()}: ${failure.getReason()}`);
    return { inputs: decode(response.getInputs()), failures };
  }

  /** @returns the changed paths with their kinds, and the replacing keys. */
  async diff(type: string, state: Created, news: PropertyMap, ignoreChanges: string[] = []) {
    const request = new rpc.DiffRequest()
      .setUrn(urn(type))
      .setId(state.id)
      .setOlds(encode(state.properties))
      .setNews(encode(news))
      .setIgnorechangesList(ignoreChanges);
    const response = await this.call<rpc.DiffResponse>((done) => this.client.diff(request, done));
    const kinds = Object.entries(rpc.PropertyDiff.Kind);
    const detail: Record<string, string> = {};
    response.getDetaileddiffMap().forEach((diff, path) => {
      detail[path] = kinds.find(([, value]) => value === diff.getKind())?.[0] ?? '';
    });
    return {
      changes: response.getChanges() === rpc.DiffResponse.DiffChanges.DIFF_SOME,
      detail,
      diffs: response.getDiffsList(),
      replaces: response.getReplacesList(),
      deleteBeforeReplace: response.getDeletebeforereplace(),
    };
  }

  async create(type: string, inputs: PropertyMap, preview = false): Promise<Created> {
    const request = new rpc.CreateRequest().setUrn(urn(type)).setProperties(encode(inputs)).setPreview(preview);
    const response = await this.call<rpc.CreateResponse>((done) => this.client.create(request, done));
    return { id: response.getId(), properties: decode(response.getProperties()) };
  }

  async read(
    type: string,
    state: Created,
    inputs: PropertyMap,
  ): Promise<(Created & { inputs: PropertyMap }) | undefined> {
    const request = new rpc.ReadRequest()
      .setUrn(urn(type))
      .setId(state.id)
      .setProperties(encode(state.properties))
      .setInputs(encode(inputs));
    const response = await this.call<rpc.ReadResponse>((done) => this.client.read(request, done));
    if (response.getId() === '') return undefined;
    const properties = decode(response.getProperties());
    return { id: response.getId(), properties, inputs: decode(response.getInputs()) };
  }

  async update(type: string, state: Created, news: PropertyMap, preview = false): Promise<Created> {
    const request = new rpc.UpdateRequest()
      .setUrn(urn(type))
      .setId(state.id)
      .setOlds(encode(state.properties))
      .setNews(encode(news))
      .setPreview(preview);
    const response = await this.call<rpc.UpdateResponse>((done) => this.client.update(request, done));
    return { id: state.id, properties: decode(response.getProperties()) };
  }

  async delete(type: string, state: Created): Promise<void> {
    const request = new rpc.DeleteRequest().setUrn(urn(type)).setId(state.id).setProperties(encode(state.properties));
    await this.call((done) => this.client.delete(request, done));
  }

  async invoke(token: string, args: PropertyMap): Promise<PropertyMap> {
    const request = new rpc.InvokeRequest().setTok(token).setArgs(encode(args));
    const response = await this.call<rpc.InvokeResponse>((done) => this.client.invoke(request, done));
    const [failure] = response.getFailuresList();
    if (failure) throw new Error(`${failure.getProperty()}: ${failure.getReason()}`);
    return decode(response.getReturn());
  }

  private call<T>(start: (done: (error: grpc.ServiceError | null, response: T) => void) => unknown): Promise<T> {
    return new Promise((resolve, reject) => {
      start((error, response) => (error ? reject(engineError(error)) : resolve(response)));
    });
  }
}

function urn(type: string): string {
  return `urn:pulumi:test::plugins::${type}::thing`;
}

function engineError(error: grpc.ServiceError): Error {
  const [bytes] = error.metadata.get('grpc-status-details-bin');
  if (!Buffer.isBuffer(bytes)) return new Error(error.details);
  const [any] = Status.deserializeBinary(bytes).getDetailsList();
  const detail = any && rpc.ErrorResourceInitFailed.deserializeBinary(any.getValue_asU8());
  if (!detail) return new Error(error.details);
  return new HalfMade(error.details, detail.getId(), decode(detail.getProperties()), detail.getReasonsList());
}
