import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { World } from '../../world/world.js';
import { readImageUrl, readInstallerImage, type InstallerReference } from './images.js';
import { extensionVersion, isKnownVersion, knownVersions, officialExtensions } from './releases.js';
import { SchematicError, canonicalSchematic, sha256 } from './schematics.js';

/** An image that the factory does not make; `status` is its HTTP status, the message its answer. */
export class ImageError extends Error {
  constructor(
    readonly status: 400 | 404,
    message: string,
  ) {
    super(message);
  }
}

/** A nocloud disk image, and the same compressed; in bytes, roughly those of Talos 1.11. */
const RAW_SIZE = 1_306_525_696;
const COMPRESSED_SIZE = 104_857_600;
/** The largest schematic the factory reads, in bytes. */
const MAX_SCHEMATIC = 1 << 20;

/**
 * The image factory: keeps schematics under the hash of what they say, and knows every image by its path. It serves
 * what describes an image, never an image's bytes: the emulated hypervisors ask `resolveImage` instead of downloading.
 */
export class ImageFactory {
  private readonly schematics = new Map<string, { yaml: string; extensions: string[] }>();
  private server: Server | undefined;

  constructor(private readonly world: World) {
    this.register('');
  }

  /** Listens on `world.network.imageFactoryUrl`. */
  async start(): Promise<void> {
    const server = createServer((request, response) => void this.serve(request, response));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.world.network.ports.imageFactory, this.world.network.control, resolve);
    });
    this.server = server;
  }

  async close(): Promise<void> {
    const server = this.server;
    this.server = undefined;
    if (!server) return;
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  /** Keeps a schematic and returns its id. @throws SchematicError when the text is none. */
  register(text: string): string {
    const { id, yaml, extensions } = canonicalSchematic(text);
    this.schematics.set(id, { yaml, extensions });
    return id;
  }

  /**
   * The image behind a URL of any factory host, as long as the path fits, with its size in bytes; undefined when no
   * factory would serve it.
   */
  resolveImage(url: string): (InstallerReference & { size: number }) | undefined {
    const image = readImageUrl(url);
    if (!image || this.refusal(image)) return undefined;
    const { schematic, version, format } = image;
    return { schematic, version, size: format === 'raw' ? RAW_SIZE : COMPRESSED_SIZE };
  }

  /** The system behind an installer image's name. @throws ImageError when there is no such image. */
  resolveInstaller(name: string): InstallerReference {
    const image = readInstallerImage(name);
    if (!image) throw new ImageError(404, `${name}: not found`);
    this.check(image);
    return image;
  }

  knowsInstaller(name: string): boolean {
    const image = readInstallerImage(name);
    return image !== undefined && !this.refusal(image);
  }

  /** Names of a schematic's extensions, e.g. siderolabs/drbd; none for a schematic that nobody registered. */
  extensionsOf(schematic: string): string[] {
    return [...(this.schematics.get(schematic)?.extensions ?? [])];
  }

  private check(image: InstallerReference): void {
    const refusal = this.refusal(image);
    if (refusal) throw refusal;
  }

  /** Why the factory does not make an image of a schematic and version. */
  private refusal({ schematic, version }: InstallerReference): ImageError | undefined {
    const found = this.schematics.get(schematic);
    if (!found) return new ImageError(404, `schematic ${schematic} not found`);
    if (!isKnownVersion(version)) return new ImageError(404, `version ${version} is not available`);
    const missing = found.extensions.find((name) => extensionVersion(name, version) === undefined);
    if (missing === undefined) return undefined;
    return new ImageError(400, `official extension "${missing}" is not available for Talos version ${version}`);
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      await this.route(request, response);
    } catch (error) {
      if (error instanceof ImageError) reply(response, error.status, 'text/plain; charset=utf-8', `${error.message}\n`);
      else if (error instanceof SchematicError) reply(response, 400, 'text/plain; charset=utf-8', `${error.message}\n`);
      else reply(response, 500, 'text/plain; charset=utf-8', 'internal server error\n');
    }
  }

  private async route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? '/', 'http://factory').pathname;
    const read = request.method === 'GET' || request.method === 'HEAD';
    const extensions = /^\/version\/([^/]+)\/extensions\/official$/.exec(path);
    const schematic = /^\/schematics\/([0-9a-f]{64})$/.exec(path);
    if (request.method === 'POST' && path === '/schematics') await this.create(request, response);
    else if (read && path === '/versions') reply(response, 200, 'application/json', JSON.stringify(knownVersions()));
    else if (read && extensions) this.listExtensions(extensions[1]!, response);
    else if (read && schematic) this.show(schematic[1]!, response);
    else if (read && path.startsWith('/image/')) this.describe(path, response);
    else throw new ImageError(404, '404 page not found');
  }

  private async create(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const id = this.register(await body(request));
    reply(response, 201, 'application/json', JSON.stringify({ id, schematic: this.schematics.get(id)!.yaml }));
  }

  private listExtensions(version: string, response: ServerResponse): void {
    const tag = version.startsWith('v') ? version : `v${version}`;
    if (!isKnownVersion(tag)) throw new ImageError(404, `version ${tag} is not available`);
    reply(response, 200, 'application/json', JSON.stringify(officialExtensions(tag, sha256)));
  }

  private show(id: string, response: ServerResponse): void {
    const found = this.schematics.get(id);
    if (!found) throw new ImageError(404, `schematic ${id} not found`);
    reply(response, 200, 'application/yaml', found.yaml);
  }

  /** The headers that describe an image; its bytes are the one thing the lab has not got, and no length is claimed. */
  private describe(path: string, response: ServerResponse): void {
    const image = readImageUrl(path);
    if (!image) throw new ImageError(404, '404 page not found');
    this.check(image);
    const name = path.slice(path.lastIndexOf('/') + 1);
    response.setHeader('ETag', `"${sha256(`${image.schematic} ${image.version} ${name}`)}"`);
    response.setHeader('Content-Disposition', `attachment; filename="${name}"`);
    reply(response, 200, 'application/octet-stream', '');
  }
}

async function body(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_SCHEMATIC) throw new SchematicError('http: request body too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function reply(response: ServerResponse, status: number, type: string, text: string): void {
  response.writeHead(status, { 'Content-Type': type });
  response.end(text);
}
