import { hostname } from 'node:os';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConcurrentUpdateError, type EngineEvent, type Stack } from '@pulumi/pulumi/automation';
import { CommandError, ExitCode } from './exit';

export interface UpdateOptions {
  /** URNs; everything when absent. */
  targets?: string[];
  environment?: Record<string, string>;
  onEvent?: (event: EngineEvent) => void;
  /** Aborting it interrupts the engine as Ctrl-C would: the steps under way are finished. */
  signal?: AbortSignal;
  /** Stored in the stack's history. */
  message?: string;
  policyPacks?: string[];
}

/** An update or preview that failed, with what the engine and the failing step said. */
export class UpdateError extends CommandError {
  constructor(
    message: string,
    /** URN of the step that failed, if the engine named one. */
    readonly urn: string | undefined,
  ) {
    super(message);
    this.name = 'UpdateError';
  }
}

/** Runs a preview and hands over its events. Takes no lock and changes nothing. */
export async function preview(stack: Stack, options: UpdateOptions = {}): Promise<void> {
  await run(stack, options, (signal, onEvent) => stack.preview({ ...common(options), signal, onEvent }));
}

/** Runs an update. */
export async function update(
  stack: Stack,
  options: UpdateOptions,
  onReconciled: (what: string) => void,
): Promise<void> {
  await withLock(stack, onReconciled, () =>
    run(stack, options, (signal, onEvent) => withoutAfterthoughts(stack).up({ ...common(options), signal, onEvent })),
  );
}

/**
 * After an update the Automation API runs the CLI three more times, for outputs and history that nobody here reads: a
 * second or two for each node.
 */
function withoutAfterthoughts(stack: Stack): Stack {
  const lean = Object.create(stack) as Stack;
  return Object.assign(lean, { outputs: () => Promise.resolve({}), info: () => Promise.resolve(undefined) });
}

function common(options: UpdateOptions) {
  return {
    color: 'never' as const,
    ...(options.targets && { target: options.targets }),
    ...(options.message !== undefined && { message: options.message }),
    ...(options.policyPacks && { policyPacks: options.policyPacks }),
  };
}

async function run(
  stack: Stack,
  options: UpdateOptions,
  act: (signal: AbortSignal, onEvent: (event: EngineEvent) => void) => Promise<unknown>,
): Promise<void> {
  const failure = new FailureCollector();
  const environment = stack.workspace.envVars;
  stack.workspace.envVars = { ...environment, ...options.environment };
  // The Automation API never takes its listener off a signal: each update gets one of its own, which ends with it.
  const own = new AbortController();
  const interrupt = () => {
    own.abort();
  };
  options.signal?.addEventListener('abort', interrupt);
  try {
    await act(own.signal, (event) => {
      failure.add(event);
      options.onEvent?.(event);
    });
  } catch (error) {
    if (error instanceof ConcurrentUpdateError || !(error instanceof Error)) throw error;
    throw failure.toError(error);
  } finally {
    stack.workspace.envVars = environment;
    options.signal?.removeEventListener('abort', interrupt);
  }
}

/** Keeps the error diagnostics, so that a failure is told by the step's own words and not by the CLI's whole output. */
class FailureCollector {
  private readonly messages: string[] = [];
  private urn: string | undefined;

  add(event: EngineEvent): void {
    const diagnostic = event.diagnosticEvent;
    if (diagnostic?.severity === 'error') this.messages.push(clean(diagnostic.message));
    const violation = event.policyEvent;
    if (violation?.enforcementLevel === 'mandatory')
      this.messages.push(`policy ${violation.policyName}: ${clean(violation.message)}`);
    this.urn ??= event.resOpFailedEvent?.metadata.urn;
  }

  toError(cause: Error): UpdateError {
    const own = this.messages.filter((message) => !/^update failed$/i.test(message.trim()));
    return new UpdateError(own.length > 0 ? firstOf([...new Set(own)]) : lastLines(cause.message), this.urn);
  }
}

/** A diagnostic's text without the engine's colour marks. */
export function clean(message: string): string {
  return message.replaceAll(/<\{%.*?%\}>/g, '').trim();
}

/** Messages shown of one failure: one cause can make the engine complain of every resource. */
const SHOWN = 5;

function firstOf(messages: string[]): string {
  const more = messages.length - SHOWN;
  return [...messages.slice(0, SHOWN), ...(more > 0 ? [`... and ${more} more`] : [])].join('\n');
}

function lastLines(text: string): string {
  return text.trim().split('\n').slice(-15).join('\n');
}

/** Runs something that takes the stack's lock. A lock left by a dead run of this machine is cleared first. */
export async function withLock(
  stack: Stack,
  onReconciled: (what: string) => void,
  act: () => Promise<void>,
): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (!(error instanceof ConcurrentUpdateError)) throw error;
    const holder = lockHolder(error.message);
    await clearDeadLock(stack, holder, onReconciled);
    await act();
  }
}

interface LockHolder {
  user: string;
  host: string;
  pid: number;
  at: string;
}

/** The holder that the CLI names: `... created by root@host (pid 123) at 2026-11-21T15:00:00Z`. */
export function lockHolder(message: string): LockHolder | undefined {
  const match = /created by (\S+?)@(\S+) \(pid (\d+)\) at (\S+)/.exec(message);
  if (!match) return undefined;
  const [, user = '', host = '', pid = '', at = ''] = match;
  return { user, host, pid: Number(pid), at };
}

/**
 * Clears a lock whose owner is proved dead. An engine whose driver was killed lives on as an orphan and finishes its
 * steps: it is waited for. A living owner, or one on another machine, is named and left alone.
 */
async function clearDeadLock(
  stack: Stack,
  holder: LockHolder | undefined,
  onReconciled: (what: string) => void,
): Promise<void> {
  if (!holder) throw new CommandError('The stack is locked, and the lock does not say by whom.', ExitCode.held);
  const who = `${holder.user}@${holder.host} (pid ${holder.pid}, since ${holder.at})`;
  if (holder.host !== hostname())
    throw new CommandError(`The stack is locked by ${who}, on another machine. Nothing was changed.`, ExitCode.held);
  if (isAlive(holder.pid)) {
    if (!isOrphan(holder.pid))
      throw new CommandError(`The stack is locked by ${who}, which is at work. Nothing was changed.`, ExitCode.held);
    onReconciled(`waiting for the engine of a killed run (pid ${holder.pid}) to finish its steps`);
    // A foreign process gives no event when it ends.
    while (isAlive(holder.pid)) await sleep(250);
  }
  onReconciled(`cleared the stack lock of ${who}, which is gone`);
  await stack.cancel();
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** A process whose parent has died belongs to init. */
function isOrphan(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] === '1';
  } catch {
    return false;
  }
}
