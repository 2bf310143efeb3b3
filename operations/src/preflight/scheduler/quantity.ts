const SCALE: Record<string, number> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/**
 * A Kubernetes quantity (`500m`, `1.5Gi`, `1e3`) as the scheduler counts it: CPU in thousandths of a core, everything
 * else in whole units, both rounded up. @throws RangeError for text that is no quantity.
 */
export function quantity(resource: string, text: string | number): number {
  const match = /^([+-]?[\d.]+)(?:[eE]([+-]?\d+)|(n|u|m|k|[KMGTPE]i?)?)$/.exec(String(text));
  const scale = match?.[2] === undefined ? SCALE[match?.[3] ?? ''] : 10 ** Number(match[2]);
  const value = Number(match?.[1]) * (scale ?? NaN) * (resource === 'cpu' ? 1000 : 1);
  if (Number.isNaN(value)) throw new RangeError(`expected a quantity for ${resource}, found ${text}`);
  // 0.1 + 0.2: what floating point adds to a whole number must not round it up to the next.
  return Math.ceil(Number(value.toPrecision(15)));
}
