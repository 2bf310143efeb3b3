import type { Stack } from '@pulumi/pulumi/automation';
import type { RunOptions } from './commands/options';
import { CommandError, ExitCode } from './exit';
import { actor, holder, newRunId } from './identity';
import { watchInterrupts, type Interrupts } from './interrupts';
import { Notifier } from './notify/notifier';
import { targetsFrom } from './notify/targets';
import type { Project } from './project';
import { writeReports } from './reports/files';
import { type Recorded, RunLog } from './runLog';
import { learnSecrets } from './runSecrets';
import { secrets } from './secrets';
import { keepStepSummary } from './reports/stepSummary';
import { closingText } from './reports/table';
import { jsonView } from './views/json';
import { liveView } from './views/live';
import { plainView } from './views/plain';
import type { View } from './views/view';

export interface Session {
  runId: string;
  holder: string;
  log: RunLog;
  signal: AbortSignal;
  /** Lets something else have the terminal: a question, with the text it is about. */
  aside: <T>(act: () => Promise<T>) => Promise<T>;
}

/** A command that changes something, as it was called. */
export interface Invocation {
  project: Project;
  stack: Stack;
  command: string;
  arguments?: string[];
  options: RunOptions;
}

/** Milliseconds that the end of a run waits for messages that are still on their way. */
const LAST_MESSAGES = 10_000;

/**
 * Runs a command that changes something as a run of its own: with an event log, the view that fits where it goes,
 * messages, Ctrl-C, and reports at the end, however it ends. Ctrl-C once: the node under way is finished or put back and
 * the run stops cleanly. Twice: stop now.
 */
export async function inSession(
  invocation: Invocation,
  act: (session: Session) => Promise<ExitCode>,
): Promise<ExitCode> {
  const { project, stack, options } = invocation;
  secrets.addEnvironment(process.env);
  const runId = newRunId();
  const log = new RunLog(project.directory, runId);
  const view = startView(log, options.json === true);
  const summary = process.env.GITHUB_STEP_SUMMARY ?? '';
  if (summary !== '') keepStepSummary(log, summary);
  const interrupt = interruptsOf(log, view, options.json === true);
  try {
    opened(log, invocation);
    const { targets, problems } = targetsFrom(await learnSecrets(stack));
    for (const message of problems) log.emit({ type: 'notice', subject: 'messages', message });
    const notifier = new Notifier(log, stack.name, targets);
    const session = { runId, holder: holder(), log, signal: interrupt.signal, aside: view.aside };
    try {
      return await finished(log, () => act(session));
    } finally {
      await notifier.close(LAST_MESSAGES);
    }
  } finally {
    const files = writeReports(log, options);
    interrupt.close();
    view.close();
    if (options.json !== true) process.stdout.write(closingText(log.events, files));
  }
}

/** Who, what and why. */
function opened(log: RunLog, invocation: Invocation): void {
  const { command, stack, options } = invocation;
  const { reason, ...rest } = options;
  log.emit({
    type: 'run.opened',
    command,
    stack: stack.name,
    actor: actor(),
    arguments: invocation.arguments ?? [],
    options: { ...rest },
    ...(reason !== undefined && { reason }),
  });
}

/** Every run ends with an event that says how, also one that failed where nothing was to fail. */
async function finished(log: RunLog, act: () => Promise<ExitCode>): Promise<ExitCode> {
  const started = Date.now();
  const finish = (outcome: 'done' | 'stopped' | 'failed', exitCode: ExitCode, message?: string) => {
    if (log.events.some((event) => event.type === 'run.finished')) return;
    const ms = Date.now() - started;
    log.emit({ type: 'run.finished', outcome, ms, exitCode, ...(message !== undefined && { message }) });
  };
  try {
    const exitCode = await act();
    finish(exitCode === ExitCode.ok ? 'done' : 'stopped', exitCode);
    return exitCode;
  } catch (error) {
    const exitCode = error instanceof CommandError ? error.exitCode : ExitCode.error;
    finish('failed', exitCode, error instanceof Error ? error.message : String(error));
    throw error;
  }
}

function interruptsOf(log: RunLog, view: View, json: boolean): Interrupts {
  const tell = (message: string) => {
    log.emit({ type: 'run.interrupted', message });
  };
  const first = () => {
    const message = 'Stopping: the node under way is put back, or finished where its VM is gone. Again to stop now.';
    tell(message);
    if (json) process.stderr.write(`\n${message}\n`);
  };
  const again = () => {
    const message = leftBehind(log.events);
    tell(message);
    view.close();
    process.stderr.write(`\n${message}\n`);
    process.exit(ExitCode.interrupted);
  };
  return watchInterrupts(first, again);
}

/** What a run that stops at once leaves, from its events. */
export function leftBehind(events: readonly Recorded[]): string {
  const together = stepsUnderWay(events);
  if (together.size > 1) return leftTogether([...together]);
  const last = events.findLast((event) => event.type === 'phase.started' || event.type === 'node.finished');
  if (last?.type !== 'phase.started') return 'Stopped. No node is half replaced. Go on with: prox-ops roll';
  return leftTogether([[last.node, last.phase]]);
}

function leftTogether(steps: [node: string, phase: string][]): string {
  const where = steps.map(([node, phase]) => `${node} is at the step '${phase}', which the engine may still finish. `);
  const ways = steps.map(([node]) => `prox-ops abort ${node}`).join(', ');
  return `Stopped at once. ${where.join('')}Go on with: prox-ops roll, or, while its VM stands: ${ways}`;
}

/** The last step of each node whose turn has begun and not ended. */
function stepsUnderWay(events: readonly Recorded[]): Map<string, string> {
  const steps = new Map<string, string>();
  const begun = new Set<string>();
  for (const event of events) {
    if (event.type === 'node.started') begun.add(event.node);
    if (event.type === 'phase.started' && begun.has(event.node)) steps.set(event.node, event.phase);
    if (event.type === 'node.finished') {
      begun.delete(event.node);
      steps.delete(event.node);
    }
  }
  return steps;
}

function startView(log: RunLog, json: boolean): View {
  if (json) return jsonView(log, process.stdout);
  // A dumb terminal can't move its cursor.
  const live = process.stdout.isTTY && process.env.TERM !== 'dumb';
  return live ? liveView(log, process.stdout) : plainView(log, process.stdout);
}
