import { status } from '@grpc/grpc-js';
import { Empty } from 'google-protobuf/google/protobuf/empty_pb.js';
import { PluginInfo } from '@pulumi/pulumi/proto/plugin_pb.js';
import * as rpc from '@pulumi/pulumi/proto/provider_pb.js';
import type { Engine } from './engine.js';
import { RpcError } from './errors.js';
import type { Call, Checked, Failure, Provider, Resource } from './provider.js';
import { diffResponse } from './diff-response.js';
import { decode, encode, openMap } from './values.js';
import type { PropertyMap } from './values.js';

type Struct = Parameters<typeof decode>[0];

/** The provider protocol's methods, one each, between the wire's messages and a `Provider`. */
export class Service {
  private readonly stopping = new AbortController();

  constructor(
    private readonly provider: Provider,
    private readonly engine: Engine,
  ) {}

  readonly methods = {
    handshake: () =>
      new rpc.ProviderHandshakeResponse()
        .setAcceptSecrets(this.provider.acceptSecrets)
        .setAcceptResources(true)
        .setAcceptOutputs(false)
        .setSupportsAutonamingConfiguration(true),
    getPluginInfo: () => new PluginInfo().setVersion(this.provider.version),
    getSchema: () => new rpc.GetSchemaResponse().setSchema(JSON.stringify(this.provider.schema())),
    checkConfig: (request: rpc.CheckRequest) => this.checkConfig(request),
    diffConfig: (request: rpc.DiffRequest) => this.diffConfig(request),
    configure: (request: rpc.ConfigureRequest) => this.configure(request),
    invoke: (request: rpc.InvokeRequest) => this.invoke(request),
    check: (request: rpc.CheckRequest) => this.check(request),
    diff: (request: rpc.DiffRequest) => this.diff(request),
    create: (request: rpc.CreateRequest) => this.create(request),
    read: (request: rpc.ReadRequest) => this.read(request),
    update: (request: rpc.UpdateRequest) => this.update(request),
    delete: (request: rpc.DeleteRequest) => this.delete(request),
    getMapping: () => new rpc.GetMappingResponse(),
    getMappings: () => new rpc.GetMappingsResponse(),
    cancel: () => {
      this.stopping.abort();
      return new Empty();
    },
  };

  private checkConfig(request: rpc.CheckRequest): rpc.CheckResponse {
    const news = decode(request.getNews());
    return checkResponse(this.provider.checkConfig?.(news) ?? { inputs: news, failures: [] });
  }

  private diffConfig(request: rpc.DiffRequest): rpc.DiffResponse {
    const [olds, news] = [decode(request.getOlds()), decode(request.getNews())];
    return diffResponse(this.provider.diffConfig?.(openMap(olds), openMap(news)) ?? { changes: new Map() });
  }

  private async configure(request: rpc.ConfigureRequest): Promise<rpc.ConfigureResponse> {
    await this.provider.configure(configuration(request));
    return new rpc.ConfigureResponse()
      .setAcceptsecrets(this.provider.acceptSecrets)
      .setAcceptresources(true)
      .setAcceptoutputs(false)
      .setSupportspreview(true)
      .setSupportsAutonamingConfiguration(true);
  }

  private async invoke(request: rpc.InvokeRequest): Promise<rpc.InvokeResponse> {
    const run = this.provider.function(request.getTok());
    if (!run) throw new RpcError(status.UNIMPLEMENTED, `unknown function '${request.getTok()}'`);
    const result = await run({ ...this.context(''), args: this.inputs(request.getArgs()) });
    if (Array.isArray(result)) return new rpc.InvokeResponse().setFailuresList(result.map(failureMessage));
    return new rpc.InvokeResponse().setReturn(encode(result));
  }

  private async check(request: rpc.CheckRequest): Promise<rpc.CheckResponse> {
    const checked = await this.resource(request.getUrn()).check({
      ...this.context(request.getUrn()),
      olds: this.inputs(request.getOlds()),
      news: this.inputs(request.getNews()),
      randomSeed: request.getRandomseed_asU8(),
    });
    return checkResponse(checked);
  }

  private async diff(request: rpc.DiffRequest): Promise<rpc.DiffResponse> {
    return diffResponse(await this.resource(request.getUrn()).diff(this.diffCall(request)));
  }

  private async create(request: rpc.CreateRequest): Promise<rpc.CreateResponse> {
    const state = await this.resource(request.getUrn()).create({
      ...this.context(request.getUrn()),
      inputs: this.inputs(request.getProperties()),
      preview: request.getPreview(),
      timeout: request.getTimeout(),
    });
    return new rpc.CreateResponse().setId(state.id).setProperties(encode(state.properties));
  }

  private async read(request: rpc.ReadRequest): Promise<rpc.ReadResponse> {
    const state = await this.resource(request.getUrn()).read({
      ...this.context(request.getUrn()),
      id: request.getId(),
      properties: this.inputs(request.getProperties()),
      inputs: this.inputs(request.getInputs()),
    });
    if (!state) return new rpc.ReadResponse();
    return new rpc.ReadResponse()
      .setId(state.id)
      .setProperties(encode(state.properties))
      .setInputs(encode(state.inputs));
  }

  private async update(request: rpc.UpdateRequest): Promise<rpc.UpdateResponse> {
    const properties = await this.resource(request.getUrn()).update({
      ...this.diffCall(request),
      preview: request.getPreview(),
      timeout: request.getTimeout(),
    });
    return new rpc.UpdateResponse().setProperties(encode(properties));
  }

  private async delete(request: rpc.DeleteRequest): Promise<Empty> {
    await this.resource(request.getUrn()).delete({
      ...this.context(request.getUrn()),
      id: request.getId(),
      properties: this.inputs(request.getProperties()),
      oldInputs: this.inputs(request.getOldInputs()),
      timeout: request.getTimeout(),
    });
    return new Empty();
  }

  private diffCall(request: rpc.DiffRequest | rpc.UpdateRequest) {
    return {
      ...this.context(request.getUrn()),
      id: request.getId(),
      olds: this.inputs(request.getOlds()),
      oldInputs: this.inputs(request.getOldInputs()),
      news: this.inputs(request.getNews()),
      ignoreChanges: request.getIgnorechangesList(),
    };
  }

  private inputs(struct: Struct): PropertyMap {
    const map = decode(struct);
    return this.provider.acceptSecrets ? map : openMap(map);
  }

  private resource(urn: string): Resource {
    const type = urn.split('::')[2]?.split('$').at(-1) ?? '';
    const resource = this.provider.resource(type);
    if (!resource) throw new RpcError(status.UNIMPLEMENTED, `unrecognized resource type '${type}'`);
    return resource;
  }

  private context(urn: string): Call {
    return {
      urn,
      name: urn.split('::').slice(3).join('::'),
      log: (severity, message) => this.engine.log(urn, severity, message),
      signal: this.stopping.signal,
    };
  }
}

/** Provider settings: the arguments, or for old engines the stack's variables, without their package prefix. */
function configuration(request: rpc.ConfigureRequest): PropertyMap {
  const args = request.getArgs();
  if (args) return openMap(decode(args));
  const config: PropertyMap = {};
  request.getVariablesMap().forEach((value, key) => {
    config[key.slice(key.lastIndexOf(':') + 1)] = value;
  });
  return config;
}

function checkResponse(checked: Checked): rpc.CheckResponse {
  return new rpc.CheckResponse()
    .setInputs(encode(checked.inputs))
    .setFailuresList(checked.failures.map(failureMessage));
}

function failureMessage(failure: Failure): rpc.CheckFailure {
  return new rpc.CheckFailure().setProperty(failure.property).setReason(failure.reason);
}
