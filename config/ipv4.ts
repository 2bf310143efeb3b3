/** IPv4 networks as numbers. */
export interface Ipv4Network {
  /** First address: the network's own. */
  first: number;
  /** Last address: broadcast. */
  last: number;
  bits: number;
}

export function addressNumber(address: string): number {
  return address.split('.').reduce((number, byte) => number * 256 + Number(byte), 0);
}

export function addressText(number: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.');
}

/** @param cidr valid CIDR notation; host bits are cut off. */
export function parseNetwork(cidr: string): Ipv4Network {
  const [address = '', suffix = ''] = cidr.split('/');
  const bits = Number(suffix);
  const size = 2 ** (32 - bits);
  const first = Math.floor(addressNumber(address) / size) * size;
  return { first, last: first + size - 1, bits };
}

export function contains({ first, last }: Ipv4Network, address: string): boolean {
  const number = addressNumber(address);
  return number >= first && number <= last;
}

export function overlap(left: Ipv4Network, right: Ipv4Network): boolean {
  return left.first <= right.last && right.first <= left.last;
}
