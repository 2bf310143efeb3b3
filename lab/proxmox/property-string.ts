/** Proxmox' `value,key=value,...` strings, in which one default key may stand without its name. */
export type Properties = Record<string, string>;

export function parseProperties(text: string, defaultKey: string): Properties {
  const properties: Properties = {};
  for (const part of text.split(',').filter((piece) => piece !== '')) {
    const at = part.indexOf('=');
    if (at < 0) properties[defaultKey] = part;
    else properties[part.slice(0, at)] = part.slice(at + 1);
  }
  return properties;
}

/** The default key's value first and bare, the others sorted, as Proxmox writes them back. */
export function printProperties(properties: Properties, defaultKey: string): string {
  const { [defaultKey]: first, ...rest } = properties;
  const others = Object.keys(rest)
    .sort()
    .map((key) => `${key}=${rest[key]}`);
  return [...(first === undefined ? [] : [first]), ...others].join(',');
}

const UNITS = ['', 'K', 'M', 'G', 'T'];

/** Bytes of `10G`, `512M`, `10737418240`; undefined when it is no size. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)([KMGT]?)$/.exec(text);
  return match ? Math.floor(Number(match[1]) * 1024 ** UNITS.indexOf(match[2]!)) : undefined;
}

/** The largest unit that needs no fraction, as in a disk's `size=`. */
export function printSize(bytes: number): string {
  let [value, unit] = [bytes, 0];
  while (value > 0 && value % 1024 === 0 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value}${UNITS[unit]}`;
}

/** Perl's idea of a boolean in a Proxmox parameter; undefined when it is none. */
export function parseFlag(text: string): boolean | undefined {
  if (/^(1|on|yes|true)$/i.test(text)) return true;
  if (/^(0|off|no|false)$/i.test(text)) return false;
  return undefined;
}

/** Lists in one parameter: separated by comma, semicolon, blank or NUL. */
export function splitList(text: string): string[] {
  return text.split(/[,;\s\0]+/).filter((item) => item !== '');
}
