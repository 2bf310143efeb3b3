/**
 * JSON as the controller writes it. Return codes and diskless capacities are signed 64-bit integers beyond 2^53, which
 * JSON.stringify can't write (it refuses bigint), so bigints become plain digits here.
 * @throws TypeError for values JSON has no form for (functions, symbols, NaN, infinities).
 */
export function stringify(value: unknown): string {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'number' && !Number.isFinite(value)) throw new TypeError(`JSON has no form for ${value}`);
  if (Array.isArray(value)) return `[${value.map((item) => stringify(item)).join(',')}]`;
  if (typeof value === 'object' && value !== null) return stringifyObject(value);
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined) throw new TypeError(`JSON has no form for ${typeof value}`);
  return text;
}

/** Keys that are undefined are left out, as the controller leaves out what is not set. */
function stringifyObject(value: object): string {
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .map(([key, member]) => `${JSON.stringify(key)}:${stringify(member)}`);
  return `{${members.join(',')}}`;
}
