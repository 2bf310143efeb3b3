import { BlockList, isIPv4 } from 'node:net';

/** Whether a network in CIDR notation contains an IPv4 address. */
export function contains(cidr: string, address: string): boolean {
  const [base = '', bits = ''] = cidr.split('/');
  if (!isIPv4(address) || !isIPv4(base)) return false;
  const list = new BlockList();
  list.addSubnet(base, Number(bits));
  return list.check(address);
}

/** Network and broadcast address of a network in CIDR notation: no machine can have them. */
export function edges(cidr: string): string[] {
  const [base = '', bits = ''] = cidr.split('/');
  const size = 2 ** (32 - Number(bits));
  const first = Math.floor(toNumber(base) / size) * size;
  return [first, first + size - 1].map(toAddress);
}

function toNumber(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

function toAddress(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}
