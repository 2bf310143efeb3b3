/** A property string of Proxmox, `virtio=BC:24:11:00:00:01,bridge=vmbr0,tag=62`; a first word without a name is `''`. */
export type Properties = Record<string, string>;

export function parseProperties(text: string): Properties {
  const entries = text.split(',').map((part, index): [string, string] => {
    const at = part.indexOf('=');
    if (at < 0) return [index === 0 ? '' : part, part];
    return [part.slice(0, at), part.slice(at + 1)];
  });
  return Object.fromEntries(entries);
}

/** The values PREFIX0, PREFIX1 ... in the order of their numbers. */
export function numbered(config: Record<string, string>, prefix: string): { key: string; value: string }[] {
  return Object.keys(config)
    .filter((key) => key.startsWith(prefix) && /^\d+$/.test(key.slice(prefix.length)))
    .sort((left, right) => Number(left.slice(prefix.length)) - Number(right.slice(prefix.length)))
    .map((key) => ({ key, value: config[key] ?? '' }));
}

const UNITS: Record<string, number> = { K: 2 ** -20, M: 2 ** -10, G: 1, T: 2 ** 10 };

/** A disk's size in GiB, from `100G`, `512K`; undefined when there is none. */
export function sizeInGib(size: string | undefined): number | undefined {
  const match = /^(\d+(?:\.\d+)?)([KMGT])$/.exec(size ?? '');
  return match ? Number(match[1]) * (UNITS[match[2] ?? ''] ?? 0) : undefined;
}

/** The value that most of them have; the first of several. */
export function mostCommon<T extends string | number>(values: T[]): T | undefined {
  const counts = new Map<T, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort(([, left], [, right]) => right - left)[0]?.[0];
}
