/** What the path of an image factory's disk image says. */
export interface ImageReference {
  schematic: string;
  version: string;
  /** nocloud, metal ... */
  platform: string;
  /** amd64, arm64 */
  architecture: string;
  secureboot: boolean;
  /** raw, raw.xz, qcow2, iso ... */
  format: string;
}

/** What an installer image is: `<factory>/<platform>-installer[-secureboot]/<schematic>:<version>`. */
export interface InstallerReference {
  schematic: string;
  version: string;
}

/** The schematic without any customization. */
export const EMPTY_SCHEMATIC = '376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba';

/** Reads the URL (or the path) of a disk image; any host name will do, for production's names factory.talos.dev. */
export function readImageUrl(url: string): ImageReference | undefined {
  const path = url.replace(/^[a-z]+:\/\/[^/]+/, '').replace(/[?#].*$/, '');
  const match = /^\/image\/([0-9a-f]{64})\/(v[^/]+)\/([a-z0-9]+)-(amd64|arm64)(-secureboot)?\.([a-z0-9.]+)$/.exec(path);
  if (!match) return undefined;
  const [, schematic, version, platform, architecture, secureboot, format] = match as unknown as string[];
  return {
    schematic: schematic!,
    version: version!,
    platform: platform!,
    architecture: architecture!,
    secureboot: secureboot !== undefined,
    format: format!,
  };
}

/**
 * Reads the name of an installer image: the factory's (of any host, old and new form), or Sidero Labs' own, which has
 * no extensions. Undefined when it is neither.
 */
export function readInstallerImage(name: string): InstallerReference | undefined {
  const own = /^ghcr\.io\/siderolabs\/installer(?:-base)?:(v[0-9][\w.-]*)$/.exec(name);
  if (own) return { schematic: EMPTY_SCHEMATIC, version: own[1]! };
  const built = /^[^/]+\/(?:[a-z0-9]+-)?installer(?:-secureboot)?\/([0-9a-f]{64}):(v[0-9][\w.-]*)$/.exec(name);
  return built ? { schematic: built[1]!, version: built[2]! } : undefined;
}
