import { homedir } from 'node:os';
import { resolve } from 'node:path';

/** Where the Pulumi CLI keeps its locks, by the backend's URL. */
export type StateLocation =
  | { kind: 'file'; directory: string }
  | {
      kind: 's3';
      bucket: string;
      /** Folder in the bucket, with its slash at the end; empty for the bucket itself. */
      prefix: string;
      region?: string;
      endpoint?: string;
      forcePathStyle: boolean;
      profile?: string;
    };

/**
 * Reads a backend's URL as the Pulumi CLI does.
 * @param cwd what `file://.` is relative to.
 * @returns undefined for a backend that is neither files nor S3.
 */
export function stateLocation(url: string, cwd: string): StateLocation | undefined {
  if (url.startsWith('file://')) return { kind: 'file', directory: directoryOf(url, cwd) };
  if (url.startsWith('s3://')) return bucketOf(new URL(url));
  return undefined;
}

function directoryOf(url: string, cwd: string): string {
  const [path = ''] = url.slice('file://'.length).split('?');
  return resolve(cwd, path.replace(/^~(?=\/|$)/, homedir()));
}

function bucketOf({ hostname, pathname, searchParams }: URL): StateLocation {
  const folder = pathname.replaceAll(/^\/+|\/+$/g, '');
  const region = searchParams.get('region');
  const profile = searchParams.get('profile');
  const endpoint = searchParams.get('endpoint');
  const plain = isOn(searchParams, 'disableSSL', 'disable_https');
  return {
    kind: 's3',
    bucket: hostname,
    prefix: folder === '' ? '' : `${folder}/`,
    forcePathStyle: isOn(searchParams, 's3ForcePathStyle', 'use_path_style'),
    ...(region !== null && { region }),
    ...(profile !== null && { profile }),
    ...(endpoint !== null && { endpoint: withScheme(endpoint, plain ? 'http' : 'https') }),
  };
}

/** A switch has one name in older releases of the CLI and another one in newer ones. */
function isOn(parameters: URLSearchParams, ...names: string[]): boolean {
  return names.some((name) => ['1', 't', 'true'].includes((parameters.get(name) ?? '').toLowerCase()));
}

function withScheme(endpoint: string, scheme: string): string {
  return endpoint.includes('://') ? endpoint : `${scheme}://${endpoint}`;
}
