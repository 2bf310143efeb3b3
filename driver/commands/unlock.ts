import { clusterState } from '@prox-ops/operations';
import type { Stack } from '@pulumi/pulumi/automation';
import { clusterAccess } from '../access';
import { confirmed } from '../ask';
import { CommandError, ExitCode } from '../exit';
import { describeLock, ownerOf, ownership, type Ownership } from '../locks/owner';
import { lockStore, type StackLock } from '../locks/store';
import { openStack } from '../project';
import { stackConfig } from '../stackFile';
import { projectFrom, type CommonOptions } from './options';
import { leaseText } from './status';

export interface UnlockCommandOptions extends CommonOptions {
  owner?: string;
  yes?: boolean;
}

interface Verdict {
  lock: StackLock;
  owner: Ownership;
  cleared: boolean;
  /** For people: why it was cleared, or why not. */
  why: string;
}

/**
 * `prox-ops unlock`: shows who holds the stack and the rollout, and removes stack locks whose owner is gone: proved so on
 * this machine, confirmed by a person for another one. A living owner's lock is never removed.
 */
export async function unlockCommand(options: UnlockCommandOptions): Promise<ExitCode> {
  if (options.yes === true && options.owner === undefined)
    throw new CommandError('Expected --owner USER@HOST with --yes: whose lock is to go. Found --yes alone.');
  const stack = await openStack(projectFrom(options));
  const store = await lockStore(stack);
  const rollout = await rolloutText(stack);
  const verdicts: Verdict[] = [];
  for (const lock of await store.list()) {
    const verdict = await judge(lock, options);
    if (verdict.cleared) await store.remove(lock);
    verdicts.push(verdict);
  }
  process.stdout.write(options.json === true ? json(verdicts, rollout) : text(verdicts, rollout));
  return verdicts.every(({ cleared }) => cleared) ? ExitCode.ok : ExitCode.held;
}

async function judge(lock: StackLock, options: UnlockCommandOptions): Promise<Verdict> {
  const owner = ownership(lock);
  if (owner === 'gone') return { lock, owner, cleared: true, why: 'its owner is gone: cleared' };
  if (owner === 'at work') return { lock, owner, cleared: false, why: 'its owner is at work: left alone' };
  if (owner === 'orphaned')
    return { lock, owner, cleared: false, why: 'its driver was killed, its engine finishes its steps: left alone' };
  return elsewhere(lock, options);
}

async function elsewhere(lock: StackLock, options: UnlockCommandOptions): Promise<Verdict> {
  const wanted = ownerOf(lock);
  const refused = (why: string): Verdict => ({ lock, owner: 'elsewhere', cleared: false, why });
  if (options.owner !== undefined && options.owner !== wanted)
    return refused(`another machine's; expected --owner ${wanted}, found ${options.owner}: left alone`);
  const unasked = options.yes !== true && (options.json === true || !process.stdin.isTTY);
  if (unasked)
    return refused(`another machine's. Once it is gone for certain: prox-ops unlock --yes --owner ${wanted}`);
  const question = `Locked by ${describeLock(lock)}. Nothing tells from here whether that run is gone. Is it?`;
  if (!(await confirmed(question, wanted, options.yes === true))) return refused('not confirmed: left alone');
  return { lock, owner: 'elsewhere', cleared: true, why: 'its owner was said to be gone: cleared' };
}

/** The rollout lease is the cluster's own, and the next run takes over one whose holder is gone. */
async function rolloutText(stack: Stack): Promise<string> {
  try {
    const config = await stackConfig(stack);
    return leaseText(await clusterState(await clusterAccess(stack, config), config.rollout));
  } catch (error) {
    const [first = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
    return `Rollout: not known, the cluster does not say (${first}).`;
  }
}

function text(verdicts: Verdict[], rollout: string): string {
  const locks = verdicts.map(({ lock, why }) => `Stack lock: ${describeLock(lock)}; ${why}.`);
  const lines = [...(locks.length > 0 ? locks : ['Stack lock: none.']), rollout];
  if (verdicts.some(({ cleared }) => cleared)) lines.push('Go on where that run was: prox-ops roll');
  return `${lines.join('\n')}\n`;
}

function json(verdicts: Verdict[], rollout: string): string {
  const locks = verdicts.map(({ lock, owner, cleared, why }) => ({
    user: lock.user,
    host: lock.host,
    pid: lock.pid,
    since: lock.since.toISOString(),
    owner,
    cleared,
    why,
  }));
  return `${JSON.stringify({ locks, rollout }, null, 2)}\n`;
}
