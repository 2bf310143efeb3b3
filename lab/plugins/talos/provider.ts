import type { Failure, FunctionCall, Provider, Resource } from '../protocol/provider.js';
import { text } from '../protocol/read-value.js';
import type { PropertyMap } from '../protocol/values.js';
import { BootstrapResource } from './bootstrap.js';
import { ConfigurationApplyResource } from './configuration-apply.js';
import { getClientConfiguration, getMachineConfiguration } from './configuration.js';
import { getDisks } from './disks.js';
import { getExtensionsVersions, getUrls, getVersions, ImageFactory, SchematicResource } from './factory.js';
import { getHealth } from './health.js';
import { KubeconfigResource } from './kubeconfig.js';
import { SecretsResource } from './secrets.js';
import { Talosctl } from './talosctl.js';

type Function = (call: FunctionCall) => Promise<PropertyMap | Failure[]>;

/** The Talos provider. Its one setting is the image factory's address; credentials belong to the single resources. */
export class TalosProvider implements Provider {
  readonly name = 'talos';
  readonly version = '0.8.1';
  readonly acceptSecrets = false;

  private readonly talosctl = new Talosctl();
  private factory = new ImageFactory('https://factory.talos.dev');

  private readonly resources: Record<string, Resource> = {
    'talos:machine/secrets:Secrets': new SecretsResource(this.talosctl),
    'talos:machine/configurationApply:ConfigurationApply': new ConfigurationApplyResource(this.talosctl),
    'talos:machine/bootstrap:Bootstrap': new BootstrapResource(),
    'talos:cluster/kubeconfig:Kubeconfig': new KubeconfigResource(),
    'talos:imageFactory/schematic:Schematic': new SchematicResource(() => this.factory),
  };

  private readonly functions: Record<string, Function> = {
    'talos:machine/getConfiguration:getConfiguration': (call) => getMachineConfiguration(this.talosctl, call),
    'talos:machine/getDisks:getDisks': getDisks,
    'talos:client/getConfiguration:getConfiguration': (call) => Promise.resolve(getClientConfiguration(call)),
    'talos:cluster/getHealth:getHealth': getHealth,
    'talos:imageFactory/getUrls:getUrls': (call) => Promise.resolve(getUrls(this.factory, call)),
    'talos:imageFactory/getVersions:getVersions': (call) => getVersions(this.factory, call),
    'talos:imageFactory/getExtensionsVersions:getExtensionsVersions': (call) =>
      getExtensionsVersions(this.factory, call),
  };

  configure(config: PropertyMap): void {
    const url = text(config['imageFactoryUrl']);
    if (url !== '') this.factory = new ImageFactory(url);
  }

  resource(type: string): Resource | undefined {
    return this.resources[type];
  }

  /** Tokens come in full and in short: talos:machine/getDisks:getDisks and talos:machine/getDisks. */
  function(token: string): Function | undefined {
    return this.functions[token] ?? this.functions[`${token}:${token.slice(token.lastIndexOf('/') + 1)}`];
  }

  schema(): object {
    return { name: this.name, version: this.version, resources: {}, functions: {} };
  }
}
