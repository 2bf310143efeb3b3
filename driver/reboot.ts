import type { InPlaceChange } from '@prox-ops/operations';
import { ExitCode } from './exit';
import type { StandingNode } from './inPlaceInputs';
import { InPlaceTurn } from './inPlaceTurn';
import type { TurnOptions } from './rollUpdate';
import type { Outcome } from './runLog';

export type RebootMode = Extract<InPlaceChange, { kind: 'reboot' }>['mode'];
export const REBOOT_MODES = ['default', 'powercycle', 'force'] as const satisfies readonly RebootMode[];

export interface RebootOptions {
  mode: RebootMode;
  /** Seconds for the machine to boot anew, and for its node to be Ready. Default: rollout.nodeReadyTimeout. */
  timeout?: number;
}

const EXITS: Partial<Record<Outcome, ExitCode>> = {
  rebooted: ExitCode.ok,
  refused: ExitCode.blocked,
  held: ExitCode.held,
  'put back': ExitCode.putBack,
};

/** Reboots a node in a turn of its own (R000-6): out with all steps, rebooted through Talos, back with all steps. */
export async function rebootNode(
  run: TurnOptions,
  { planned, inputs }: StandingNode,
  { mode, timeout }: RebootOptions,
): Promise<ExitCode> {
  const { log, runId, holder, stack, signal } = run;
  const started = Date.now();
  const { name, role } = planned;
  const { talos } = inputs.release;
  const nodes = [{ name, role, from: talos, to: talos }];
  log.emit({ type: 'run.started', runId, command: 'reboot', stack: stack.name, holder, nodes });
  log.emit({ type: 'node.started', node: name, index: 0, of: 1, from: talos, to: talos });
  const settings = { ...inputs.settings, ...(timeout !== undefined && { nodeReadyTimeout: timeout }) };
  const ended = await new InPlaceTurn(run, name).take({ ...inputs, settings }, { kind: 'reboot', mode });
  const outcome = ended.outcome === 'changed' ? 'rebooted' : ended.outcome;
  const { message } = ended;
  const ms = Date.now() - started;
  log.emit({ type: 'node.finished', node: name, outcome, ms, ...(message !== undefined && { message }) });
  const exit = EXITS[outcome] ?? ExitCode.open;
  return exit === ExitCode.putBack && signal.aborted ? ExitCode.interrupted : exit;
}
