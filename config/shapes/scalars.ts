import { z } from 'zod';

/** Values that several parts of the stack file share. Durations are seconds, memory is MiB, disks are GiB. */

export const ipv4 = z.ipv4();
export const cidr = z.cidrv4();

export const mac = z
  .string()
  .regex(/^([0-9A-F]{2}:){5}[0-9A-F]{2}$/, 'expected a MAC address in upper case, like BC:24:11:AF:26:D4');

export const version = z
  .string()
  .regex(/^v\d+\.\d+\.\d+(-(alpha|beta|rc)\.\d+)?$/, 'expected a pinned version like v1.12.0');

export const dnsLabel = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'expected a DNS label: lower-case letters, digits and hyphens');

export const vmId = z.number().int().min(100).max(999_999_999);
export const vlanId = z.number().int().min(1).max(4094);
export const seconds = z.number().int().positive();
export const text = z.string().min(1);
export const slot = z.enum(['a', 'b']);
export const role = z.enum(['controlplane', 'worker']);
export const variant = z.enum(['standard', 'gpu']);

export type Slot = z.infer<typeof slot>;
export type Role = z.infer<typeof role>;
export type Variant = z.infer<typeof variant>;
