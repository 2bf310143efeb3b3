import { z } from 'zod';

/**
 * Values that several parts of the stack file share. Durations are seconds, memory is MiB, disks are GiB.
 * Each says what was expected in words of its own; validate.ts adds what was found.
 */

export const ipv4 = z.ipv4({ error: 'expected an IPv4 address' });
export const cidr = z.cidrv4({ error: 'expected an IPv4 network in CIDR notation, like 10.0.0.0/24' });

/** Text of a form. @param expected what it must be, without 'expected'. */
export function form(pattern: RegExp, expected: string): z.ZodString {
  const error = `expected ${expected}`;
  return z.string({ error }).regex(pattern, { error });
}

/** The low bit of the first byte would make it a group's address, which no NIC can have. */
export const mac = form(
  /^[0-9A-F][02468ACE](:[0-9A-F]{2}){5}$/,
  'a unicast MAC address in upper case, like BC:24:11:AF:26:D4',
);

export const version = form(/^v\d+\.\d+\.\d+(-(alpha|beta|rc)\.\d+)?$/, 'a pinned version like v1.12.0');

export const dnsLabel = form(
  /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/,
  'a DNS label (lower-case letters, digits and hyphens)',
);

export const text = form(/\S/, 'text');

/** Text that YAML takes for something else when it is not quoted. */
export const quoted = z.string({ error: 'expected text; put numbers and truth values in quotes' });

/** A whole number within limits. */
export function whole(minimum: number, maximum?: number): z.ZodNumber {
  const limits = maximum === undefined ? `of at least ${minimum}` : `from ${minimum} to ${maximum}`;
  const error = `expected a whole number ${limits}`;
  const atLeast = z.number({ error }).int({ error }).min(minimum, { error });
  return maximum === undefined ? atLeast : atLeast.max(maximum, { error });
}

export const vmId = whole(100, 999_999_999);
export const vlanId = whole(1, 4094);
export const seconds = whole(1);

export const flag = z.boolean({ error: 'expected true or false' });

/** One of some words. */
export function oneOf<const T extends readonly string[]>(...words: T) {
  return z.enum(words, { error: `expected one of ${words.join(', ')}` });
}

/** A URL of some protocols. */
export function url(...protocols: string[]): z.ZodURL {
  const error = `expected a URL with ${protocols.join(' or ')}`;
  const pattern = `^(${protocols.join('|')}):\\/\\/`;
  // The JSON Schema knows nothing of protocols by itself.
  return z.url({ protocol: new RegExp(`^(${protocols.join('|')})$`), error }).meta({ pattern });
}

export const slot = oneOf('a', 'b');
export const role = oneOf('controlplane', 'worker');
export const variant = oneOf('standard', 'gpu');

export type Slot = z.infer<typeof slot>;
export type Role = z.infer<typeof role>;
export type Variant = z.infer<typeof variant>;
