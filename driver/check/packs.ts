import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { CommandError } from '../exit';
import type { RunLog } from '../runLog';

/** Our own pack: above this file, which runs both as source and compiled. */
export const OWN_PACK = ownPack(__dirname);

function ownPack(from: string): string {
  const folder = join(from, 'policies');
  if (existsSync(join(folder, 'PulumiPolicy.yaml'))) return folder;
  if (dirname(from) === from)
    throw new Error(`expected policies/PulumiPolicy.yaml above ${__dirname}; is this checkout complete?`);
  return ownPack(dirname(from));
}

/** Longest time for which the policies may be left out, days. */
const LONGEST = 30;

export interface PolicyOptions {
  /** Further packs. */
  policyPack?: string[];
  /** `YYYY-MM-DD: reason`: leaves our own pack out. */
  skipPolicies?: string;
}

/** The packs that an update is judged by: ours, unless it is left out for a reason and a time, and those named. */
export function packsFor(options: PolicyOptions, log?: RunLog): string[] {
  const named = (options.policyPack ?? []).map((directory) => resolve(directory));
  if (options.skipPolicies === undefined) return [OWN_PACK, ...named];
  checkExcuse(options.skipPolicies);
  log?.emit({ type: 'progress', node: undefined, message: `policies left out until ${options.skipPolicies}` });
  return named;
}

/** @throws CommandError unless the text says until when and why. */
export function checkExcuse(text: string, today = new Date()): void {
  const [, until = '', reason = ''] = /^(\d{4}-\d{2}-\d{2}):\s*(.*)$/.exec(text) ?? [];
  const last = new Date(today.getTime() + LONGEST * 86_400_000);
  const day = (date: Date) => date.toISOString().slice(0, 10);
  const expected = `Expected 'YYYY-MM-DD: reason' with a last day from ${day(today)} to ${day(last)}`;
  if (reason.length < 10 || until < day(today) || until > day(last))
    throw new CommandError(`--skip-policies: ${expected} and a reason of 10 characters or more, found '${text}'.`);
}

/**
 * The configuration of each pack, in the engine's order: `Pulumi.STACK.policies.json` beside the stack file for ours,
 * else the pack's own config.json, else one that configures nothing.
 */
export function packConfigs(packs: string[], directory: string, stack: string): string[] {
  return packs.map((pack) => {
    const candidates = [
      ...(pack === OWN_PACK ? [join(directory, `Pulumi.${stack}.policies.json`)] : []),
      join(pack, 'config.json'),
    ];
    // The CLI wants as many configurations as packs, and does not count an empty one.
    return candidates.find((file) => existsSync(file)) ?? join(OWN_PACK, 'unconfigured.json');
  });
}
