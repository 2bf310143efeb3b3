import type { SecureVersion } from 'node:tls';
import type { Failure, FunctionCall, Provider, Resource } from '../protocol/provider.js';
import { scalar } from '../protocol/read-value.js';
import type { PropertyMap, Value } from '../protocol/values.js';
import { Api } from './api.js';
import { FileResource } from './file.js';
import { getVersion, getVms } from './functions.js';
import { PciResource } from './pci.js';
import { VmResource } from './vm/resource.js';

const TOKEN = /^[^@!=\s]+@[^@!=\s]+![^@!=\s]+=[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/;

/** The proxmoxve provider. Configuring it makes no call: a wrong endpoint or token shows at the first operation. */
export class ProxmoxProvider implements Provider {
  readonly name = 'proxmoxve';
  readonly version = '8.6.0';
  readonly acceptSecrets = false;

  private configured: Api | undefined;

  private readonly resources: Record<string, Resource> = {
    'proxmoxve:index/vmLegacy:VmLegacy': new VmResource(() => this.api()),
    'proxmoxve:download/file:File': new FileResource(() => this.api()),
    'proxmoxve:hardware/mapping/pci:Pci': new PciResource(() => this.api()),
  };

  configure(config: PropertyMap): void {
    const endpoint = setting(config['endpoint'], 'PROXMOX_VE_ENDPOINT');
    const token = setting(config['apiToken'], 'PROXMOX_VE_API_TOKEN');
    if (endpoint === '') return;
    if (!endpoint.startsWith('https://')) {
      throw new Error(`proxmoxve:endpoint: expected an https:// address, found '${endpoint}'`);
    }
    if (!TOKEN.test(token)) {
      throw new Error(
        `proxmoxve:apiToken: the API token must be in the format 'USER@REALM!TOKENID=UUID', found ` +
          (token === '' ? 'none' : 'another format'),
      );
    }
    const insecure = isTrue(setting(config['insecure'], 'PROXMOX_VE_INSECURE'));
    const minTls = tlsVersion(setting(config['minTls'], 'PROXMOX_VE_MIN_TLS'));
    this.configured = new Api({ endpoint, token, insecure, minTls });
  }

  resource(type: string): Resource | undefined {
    return this.resources[type];
  }

  function(token: string): ((call: FunctionCall) => Promise<PropertyMap | Failure[]>) | undefined {
    switch (token) {
      case 'proxmoxve:index/getVmsLegacy:getVmsLegacy':
        return (call) => getVms(this.api(), call);
      case 'proxmoxve:index/getVersion:getVersion':
        return () => getVersion(this.api());
      default:
        return undefined;
    }
  }

  schema(): object {
    return { name: this.name, version: this.version, resources: {}, functions: {} };
  }

  private api(): Api {
    if (this.configured) return this.configured;
    throw new Error(
      'proxmoxve: no endpoint is configured; set proxmoxve:endpoint and proxmoxve:apiToken, or PROXMOX_VE_ENDPOINT and ' +
        'PROXMOX_VE_API_TOKEN',
    );
  }
}

function setting(value: Value | undefined, variable: string): string {
  return value === undefined || value === null ? (process.env[variable] ?? '') : scalar(value);
}

function isTrue(text: string): boolean {
  return text === 'true' || text === '1';
}

function tlsVersion(text: string): SecureVersion {
  const version = text === '' ? '1.3' : text;
  if (!['1.0', '1.1', '1.2', '1.3'].includes(version)) {
    throw new Error(`unsupported minimal TLS version ${version}, must be one of: 1.0, 1.1, 1.2, 1.3`);
  }
  return version === '1.0' ? 'TLSv1' : (`TLSv${version}` as SecureVersion);
}
