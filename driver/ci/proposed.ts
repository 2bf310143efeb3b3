import type { StackConfig } from '../../config/schema';

/** Where credentials go, or files are read from: what a proposed stack file must leave as it is. */
const DESTINATIONS: [path: string, value: (config: StackConfig) => unknown][] = [
  ['cluster.name', ({ cluster }) => cluster.name],
  ['cluster.vip', ({ cluster }) => cluster.vip],
  ['proxmox.endpoint', ({ proxmox }) => proxmox.endpoint],
  ['talos.imageFactory', ({ talos }) => talos.imageFactory],
  ['talos.importSecrets', ({ talos }) => talos.importSecrets],
  ['linstor.url', ({ linstor }) => linstor?.url],
  ['linstor.namespace', ({ linstor }) => linstor?.namespace],
  ['linstor.controllerSelector', ({ linstor }) => linstor?.controllerSelector],
];

/** What else is in a stack file and decides who can read its secrets. */
const TOP_KEYS = ['encryptionsalt', 'encryptedkey', 'secretsprovider', 'environment'];

/**
 * What keeps a proposed stack file from being planned with the credentials of the cluster, in words; empty: nothing does.
 * The plan of a pull request runs the code of the branch that it goes to, on the data of the pull request: that data must
 * not send a token somewhere else.
 */
export function foreignDestinations(
  trusted: { config: StackConfig; top: Record<string, unknown> },
  proposed: { config: StackConfig; top: Record<string, unknown> },
): string[] {
  const differs = (path: string, was: unknown, is: unknown) =>
    JSON.stringify(was) === JSON.stringify(is) ? [] : [`${path}: expected ${shown(was)}, found ${shown(is)}`];
  return [
    ...DESTINATIONS.flatMap(([path, value]) =>
      differs(`prox-ops:${path}`, value(trusted.config), value(proposed.config)),
    ),
    ...TOP_KEYS.flatMap((key) =>
      JSON.stringify(trusted.top[key]) === JSON.stringify(proposed.top[key]) ? [] : [`${key}: expected it unchanged`],
    ),
    ...foreignSettings(trusted.top, proposed.top),
  ];
}

/** Configuration of providers and secrets: neither is planned with a value that is not on the branch yet. */
function foreignSettings(trusted: Record<string, unknown>, proposed: Record<string, unknown>): string[] {
  const was = settings(trusted);
  const is = settings(proposed);
  const keys = [...new Set([...Object.keys(was), ...Object.keys(is)])];
  return keys
    .filter((key) => isGuarded(was[key], key) || isGuarded(is[key], key))
    .filter((key) => JSON.stringify(was[key]) !== JSON.stringify(is[key]))
    .map((key) => `${key}: expected it unchanged`);
}

function settings({ config }: Record<string, unknown>): Record<string, unknown> {
  return config !== null && typeof config === 'object' ? (config as Record<string, unknown>) : {};
}

function isGuarded(value: unknown, key: string): boolean {
  const secret = value !== null && typeof value === 'object' && 'secure' in value;
  return secret || !key.startsWith('prox-ops:');
}

function shown(value: unknown): string {
  return value === undefined ? 'none' : JSON.stringify(value);
}
