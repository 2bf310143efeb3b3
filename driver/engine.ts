import { realClock } from '@prox-ops/operations';
import { ConcurrentUpdateError, type EngineEvent, type Stack } from '@pulumi/pulumi/automation';
import { packConfigs } from './check/packs';
import { CommandError, ExitCode } from './exit';
import { lockFreed } from './locks/wait';
import { lockStore } from './locks/store';
import { stepEnvironment } from './runSettings';
import { stackConfig } from './stackFile';

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
  await run(stack, options, (signal, onEvent) => stack.preview({ ...common(stack, options), signal, onEvent }));
}

/** Runs an update, whose steps have the settings of this run. */
export async function update(
  stack: Stack,
  options: UpdateOptions,
  onReconciled: (what: string) => void,
): Promise<void> {
  const told = { ...options, environment: { ...(await stepEnvironment(stack)), ...options.environment } };
  await withLock(stack, onReconciled, () =>
    run(stack, told, (signal, onEvent) =>
      withoutAfterthoughts(stack).up({ ...common(stack, options), signal, onEvent }),
    ),
  );
}

/** Deletes resources: those named as targets, or else everything that is not protected. */
export async function destroy(
  stack: Stack,
  options: UpdateOptions,
  onReconciled: (what: string) => void,
): Promise<void> {
  await withLock(stack, onReconciled, () =>
    run(stack, options, (signal, onEvent) =>
      withoutAfterthoughts(stack).destroy({ ...common(stack, options), signal, onEvent }),
    ),
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

function common(stack: Stack, options: UpdateOptions) {
  const { policyPacks } = options;
  return {
    color: 'never' as const,
    ...(options.targets && { target: options.targets }),
    ...(options.message !== undefined && { message: options.message }),
    ...(policyPacks && {
      policyPacks,
      policyPackConfigs: packConfigs(policyPacks, stack.workspace.workDir, stack.name),
    }),
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

/** Runs something that takes the stack's lock. Waits for it first when another run holds it. */
export async function withLock(
  stack: Stack,
  onReconciled: (what: string) => void,
  act: () => Promise<void>,
): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (!(error instanceof ConcurrentUpdateError)) throw error;
    await stackFreed(stack, onReconciled);
    await act().catch(lostTheRace);
  }
}

function lostTheRace(error: unknown): never {
  if (!(error instanceof ConcurrentUpdateError)) throw error;
  throw new CommandError(
    `Another run took the stack's lock at the same moment. Nothing was changed.\n${lastLines(error.message)}`,
    ExitCode.held,
  );
}

/**
 * Waits until nobody else holds the stack's lock, up to rollout.lockTimeout. One left by a dead run is cleared.
 * @throws CommandError naming the holder.
 */
export async function stackFreed(stack: Stack, say: (what: string) => void, signal?: AbortSignal): Promise<void> {
  const store = await lockStore(stack);
  const { lockTimeout } = (await stackConfig(stack)).rollout;
  await lockFreed({ store, clock: realClock, signal: signal ?? NEVER, timeout: lockTimeout * 1000, say });
}

const NEVER = new AbortController().signal;
