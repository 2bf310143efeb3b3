import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { PlannedResource } from '../protocol/planned-resource.js';
import type { Failure, FunctionCall, State } from '../protocol/provider.js';
import { flag, member, text, texts } from '../protocol/read-value.js';
import { string } from '../protocol/schema.js';
import type { PropertyMap } from '../protocol/values.js';
import { withV } from './secrets.js';

/** Talos' image factory over HTTP. */
export class ImageFactory {
  constructor(readonly url: string) {}

  async createSchematic(yaml: string): Promise<string> {
    const answer = await this.call<{ id: string }>('POST', '/schematics', yaml);
    return answer.id;
  }

  get<T>(path: string): Promise<T> {
    return this.call<T>('GET', path);
  }

  private call<T>(method: 'GET' | 'POST', path: string, body = ''): Promise<T> {
    const url = new URL(`${this.url.replace(/\/+$/, '')}${path}`);
    const open = url.protocol === 'https:' ? httpsRequest : httpRequest;
    return new Promise<T>((resolve, reject) => {
      const headers = { 'Content-Type': 'application/yaml', 'Content-Length': Buffer.byteLength(body) };
      const request = open(url, { method, ...(method === 'POST' && { headers }) }, (response) => {
        let text = '';
        response
          .setEncoding('utf8')
          .on('error', reject)
          .on('data', (chunk: string) => (text += chunk));
        response.on('end', () => {
          if ((response.statusCode ?? 0) < 300) resolve(JSON.parse(text) as T);
          else reject(new Error(`HTTP ${response.statusCode}: ${text.trim()}`));
        });
      });
      request.on('error', (error) => reject(new Error(`${method} ${url.href}: ${error.message}`)));
      request.end(body);
    });
  }
}

/**
 * talos:imageFactory/schematic:Schematic. Its id is the schematic's hash. Trap, copied: an update registers the new
 * schematic, but the engine keeps the old id.
 */
export class SchematicResource extends PlannedResource {
  constructor(private readonly factory: () => ImageFactory) {
    super({ schematic: string() });
  }

  protected async make(planned: PropertyMap): Promise<State> {
    return { id: await this.post(planned, 'create'), properties: planned };
  }

  protected async change(planned: PropertyMap): Promise<PropertyMap> {
    await this.post(planned, 'update');
    return planned;
  }

  private async post(planned: PropertyMap, what: string): Promise<string> {
    try {
      return await this.factory().createSchematic(text(planned['schematic']));
    } catch (error) {
      throw new Error(`failed to ${what} schematic: ${(error as Error).message}`);
    }
  }
}

/** talos:imageFactory/getUrls:getUrls. Uses no network. */
export function getUrls(factory: ImageFactory, { args }: FunctionCall): PropertyMap | Failure[] {
  const failures = ['schematicId', 'talosVersion']
    .filter((name) => args[name] === undefined)
    .map((property) => ({ property, reason: 'missing required argument' }));
  const [platform, sbc] = [text(args['platform']), text(args['sbc'])];
  if ((platform === '') === (sbc === '')) {
    failures.push({ property: 'platform', reason: 'exactly one of platform and sbc must be given' });
  }
  if (failures.length > 0) return failures;
  const architecture = text(args['architecture']) || 'amd64';
  const version = withV(text(args['talosVersion']));
  const urls = platform === '' ? sbcUrls(factory, args, version) : platformUrls(factory, args, version, architecture);
  return { ...args, architecture, id: text(args['id']), urls };
}

function sbcUrls(factory: ImageFactory, args: PropertyMap, version: string): PropertyMap {
  const schematic = text(args['schematicId']);
  return {
    installer: `${host(factory)}/metal-installer/${schematic}:${version}`,
    diskImage: `${base(factory)}/image/${schematic}/${version}/metal-arm64.raw.xz`,
  };
}

/** Where the assets of the platforms that Proxmox VE can boot lie; others get the installer alone. */
function platformUrls(factory: ImageFactory, args: PropertyMap, version: string, architecture: string): PropertyMap {
  const [schematic, platform] = [text(args['schematicId']), text(args['platform'])];
  const image = (file: string): string => `${base(factory)}/image/${schematic}/${version}/${file}`;
  const installer = (suffix: string): string =>
    `${host(factory)}/${platform}-installer${suffix}/${schematic}:${version}`;
  const urls: PropertyMap = { installer: installer('') };
  if (platform !== 'metal' && platform !== 'nocloud') return urls;
  const name = `${platform}-${architecture}`;
  const extension = platform === 'metal' ? 'raw.zst' : 'raw.xz';
  Object.assign(urls, {
    installerSecureboot: installer('-secureboot'),
    iso: image(`${name}.iso`),
    isoSecureboot: image(`${name}-secureboot.iso`),
    diskImage: image(`${name}.${extension}`),
    diskImageSecureboot: image(`${name}-secureboot.${extension}`),
    pxe: `${new URL(factory.url).protocol}//pxe.${host(factory)}/pxe/${schematic}/${version}/${name}`,
  });
  if (platform === 'metal') {
    Object.assign(urls, {
      kernel: image(`kernel-${architecture}`),
      kernelCommandLine: image(`cmdline-${name}`),
      initramfs: image(`initramfs-${architecture}.xz`),
      uki: image(`${name}-secureboot-uki.efi`),
    });
  }
  return urls;
}

function base(factory: ImageFactory): string {
  return factory.url.replace(/\/+$/, '');
}

function host(factory: ImageFactory): string {
  return new URL(factory.url).host;
}

/** talos:imageFactory/getVersions:getVersions */
export async function getVersions(factory: ImageFactory, { args }: FunctionCall): Promise<PropertyMap> {
  const versions = await factory.get<string[]>('/versions');
  const stableOnly = flag(member(args['filters'])?.['stableVersionsOnly']);
  const wanted = stableOnly ? versions.filter((version) => !version.includes('-')) : versions;
  return { ...args, id: 'image_factory_versions', talosVersions: wanted };
}

interface Extension {
  name: string;
  ref: string;
  digest: string;
  author?: string;
  description?: string;
}

/** talos:imageFactory/getExtensionsVersions:getExtensionsVersions */
export async function getExtensionsVersions(factory: ImageFactory, { args }: FunctionCall): Promise<PropertyMap> {
  const version = withV(text(args['talosVersion']));
  const extensions = await factory.get<Extension[]>(`/version/${version}/extensions/official`);
  const parts = texts(member(args['filters'])?.['names']);
  const exact = texts(member(args['exactFilters'])?.['names']);
  const matching = extensions.filter(({ name }) => {
    if (exact.length > 0) return exact.includes(name);
    return parts.length === 0 || parts.some((part) => name.includes(part));
  });
  return { ...args, id: 'extensions_info', extensionsInfos: matching.map((extension) => ({ ...extension })) };
}
