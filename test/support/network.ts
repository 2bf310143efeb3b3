import { LabNetwork } from '../../lab/world/network';

/** Distance between the networks of two mocha workers. */
const STRIDE = 60;

/**
 * A network number for a lab in a test. Files of one folder share a number; mocha's workers, which run files side by
 * side, must not share it, or two labs would want the same addresses.
 */
export function testBase(base: number): number {
  return base + STRIDE * Number(process.env.MOCHA_WORKER_ID ?? 0);
}

export function testNetwork(base: number): LabNetwork {
  return new LabNetwork(testBase(base));
}

/** `127.BASE.rest` in a test's network. */
export function testAddress(base: number, rest: string): string {
  return `127.${testBase(base)}.${rest}`;
}
