import { randomUUID } from 'node:crypto';
import type { ApiPath } from './clients/permissions.js';
import { connect, type Session } from './clients/session.js';
import type { BracketInputs, Clock, NodeTarget, ReleaseTarget, Settings, StepContext } from './contract.js';
import { realClock } from './runtime/clock.js';
import { holderName, realProcesses, type Processes } from './runtime/processes.js';
import { redactor } from './runtime/redact.js';
import { until, type Look, type Watcher } from './runtime/waiting.js';
import { settledByRun } from './runSettings.js';

/** The world outside a step; tests bring their own. */
export interface StepDeps {
  connect: (access: BracketInputs['access'], clock: Clock) => Promise<Session>;
  processes: Processes;
  /** Calls back every `ms` milliseconds without keeping the process alive; returns the way to stop. */
  every: (ms: number, callback: () => void) => () => void;
  env: Readonly<Record<string, string | undefined>>;
}

/** Inputs of a step; a node that leaves for good has no release and no VM any more. */
export type StepInputs = Pick<BracketInputs, 'node' | 'access' | 'settings'> & { release?: ReleaseTarget };

/** One step of one node, with all that it needs. */
export interface Step {
  /** turn, drain, evacuation, etcd, gate or remove. */
  name: string;
  inputs: StepInputs;
  node: NodeTarget;
  settings: Settings;
  session: Session;
  ctx: StepContext;
  deps: StepDeps;
  /** A line of progress: names node and step, carries no secret. */
  report: (message: string) => void;
  redact: (text: string) => string;
}

export interface WaitOptions<T> {
  /** Seconds. */
  timeout: number;
  look: () => Promise<Look<T>>;
  watch?: Watcher[];
  /** Longest time between two looks, in milliseconds. */
  every?: number;
  /** Whether what is watched tells of all that matters; it does unless said otherwise. */
  watchTellsAll?: boolean;
}

const realDeps: StepDeps = {
  connect,
  processes: realProcesses,
  every: (ms, callback) => {
    const timer = setInterval(callback, ms).unref();
    return () => clearInterval(timer);
  },
  env: process.env,
};

/** This process itself is the run: there is no engine above it that could be gone. */
export const OWN_RUN: Partial<StepDeps> = {
  processes: {
    ...realProcesses,
    self: () => ({ ...realProcesses.self(), engine: [] }),
    engineAlive: () => true,
    endWithEngine: () => undefined,
  },
};

/** A bare `pulumi up` is a run of its own: one id for all steps of this process. */
const ownRunId = randomUUID();
const never = new AbortController().signal;

export async function openStep(
  name: string,
  made: StepInputs,
  given: Partial<StepContext> = {},
  givenDeps: Partial<StepDeps> = {},
): Promise<Step> {
  const deps = { ...realDeps, ...givenDeps };
  deps.processes.endWithEngine();
  const ctx = context(given, deps);
  const inputs = settledByRun(made, deps.env);
  const redact = redactor(inputs.access);
  const { node, settings } = inputs;
  const report = (message: string): void => ctx.report(redact(`[${node.name}] ${name}: ${message}`));
  const session = await deps.connect(inputs.access, ctx.clock);
  return { name, inputs, node, settings, session, ctx, deps, report, redact };
}

function context(given: Partial<StepContext>, deps: StepDeps): StepContext {
  return {
    runId: given.runId ?? deps.env['PROX_OPS_RUN_ID'] ?? ownRunId,
    holder: given.holder ?? holderName(deps.processes.self()),
    clock: given.clock ?? realClock,
    // What a dynamic provider prints reaches the engine's diagnostics while the step runs.
    report: given.report ?? ((line) => void process.stdout.write(`${line}\n`)),
    signal: given.signal ?? never,
    ...(given.batch && { batch: given.batch }),
  };
}

/** Longest time between two looks when nothing says that they change. */
const LOOK_EVERY = 2_000;
/** Between two looks beside a watch, should the watch miss something. */
const LOOK_BESIDE_WATCH = 15_000;

/** Waits within the step, in its clock's time. @throws WaitTimeout, AbortError. */
export async function waitFor<T>(step: Step, options: WaitOptions<T>): Promise<T> {
  const { clock, signal } = step.ctx;
  const every = options.every ?? (options.watch ? LOOK_BESIDE_WATCH : LOOK_EVERY);
  return until({
    clock,
    signal,
    timeout: options.timeout * 1000,
    look: options.look,
    every,
    ...(options.watch && { watch: options.watch }),
    ...(options.watchTellsAll !== undefined && { watchTellsAll: options.watchTellsAll }),
    onWaiting: (text) => step.report(`waiting: ${text}`),
  });
}
/** Watches a collection of the Kubernetes API. */
export function watching(step: Step, path: ApiPath<'watch'>, query: Record<string, string> = {}): Watcher {
  return (onChange, signal) => step.session.kubernetes.watch(path, query, onChange, signal);
}
