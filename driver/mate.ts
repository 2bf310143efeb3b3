import { TOGETHER } from '@prox-ops/operations';
import type { EngineEvent } from '@pulumi/pulumi/automation';
import { ONLY_NODES } from '../config/narrowing';
import { abortNode } from './abort';
import { OWN_PACK } from './check/packs';
import { standingNode } from './inPlaceInputs';
import { InPlaceTurn } from './inPlaceTurn';
import { descriptionDigest } from './judged';
import { TurnTracker } from './nodeTurn';
import type { Phase, PhaseEvent } from './phases';
import type { PlannedNode } from './plan';
import { applyUpdate, type TurnOptions } from './rollUpdate';
import type { Outcome } from './runLog';
import { forgetAdopted, stackFileOf } from './stackFile';
import { readState } from './state';

/** What the run does itself, before the engine begins and after it has ended. */
const OF_THE_RUN: readonly Phase[] = ['turn', 'drain', 'evacuate', 'restore', 'uncordon', 'health'];

/** The engine goes through the run's own steps again, and finds them done or left to the run: these are no phases. */
class MateTracker extends TurnTracker {
  override note(event: PhaseEvent): void {
    if (!OF_THE_RUN.includes(event.phase) || event.state === 'failed') super.note(event);
    else if (event.state === 'finished') this.done.push(event.phase);
  }
}

/** What is done to the world for a mate; tests bring their own. */
export interface MateActs {
  /** @throws StepError, CommandError; what had been done before stays. */
  takeOut: (options: TurnOptions, name: string) => Promise<void>;
  /** One update of the engine for all of them. @throws UpdateError. */
  replace: (options: TurnOptions, mates: Mate[], signal: AbortSignal | undefined) => Promise<void>;
  /** @throws UpdateError, StepError, CommandError. */
  putBack: (options: TurnOptions, name: string) => Promise<void>;
  /** Of a new machine. @throws StepError, CommandError. */
  restore: (options: TurnOptions, name: string) => Promise<void>;
}

/** One worker of a batch: taken out by the run, replaced by the engine beside the others, brought back by the run. */
export class Mate {
  /** Absent until its turn has ended. */
  outcome: Outcome | undefined;
  begun = false;
  /** Why it is out, where another replacement may mend that. */
  failure?: { phase: Phase | undefined; message: string };
  readonly tracker: TurnTracker;
  private started = Date.now();

  constructor(
    private readonly options: TurnOptions,
    readonly node: PlannedNode,
    private readonly acts: MateActs = MATE_ACTS,
  ) {
    this.tracker = new MateTracker(node.name, options.log);
  }

  get name(): string {
    return this.node.name;
  }

  /** The engine has made all of it anew; the run has still to bring it back. */
  get isReplaced(): boolean {
    return this.tracker.done.includes('health');
  }

  /** @throws StepError, CommandError; what had been done before stays. */
  async takeOut(index: number, of: number): Promise<void> {
    const { name, from, to } = this.node;
    this.begun = true;
    this.started = Date.now();
    this.options.log.emit({ type: 'node.started', node: name, index, of, from, to });
    await this.acts.takeOut(this.options, name);
  }

  /** One event of the engine that is about this node. */
  observe(event: EngineEvent): void {
    this.tracker.add(event);
  }

  /** Its VM stands: what was taken from it is put back. @throws UpdateError, StepError, CommandError. */
  putBack(): Promise<void> {
    return this.acts.putBack(this.options, this.name);
  }

  /** Its VM is gone: it is made to its end, and brought back. @throws UpdateError, StepError, CommandError. */
  async finish(): Promise<void> {
    if (!this.isReplaced) await this.acts.replace(this.options, [this], undefined);
    await this.acts.restore(this.options, this.name);
  }

  /** It is left out. */
  fail(message: string, phase?: Phase): void {
    this.failure = { phase, message };
    this.end('open', message);
  }

  /** How its turn has ended, told once. */
  end(outcome: Outcome, message?: string): void {
    this.outcome = outcome;
    const ms = Date.now() - this.started;
    const { log } = this.options;
    log.emit({ type: 'node.finished', node: this.name, outcome, ms, ...(message !== undefined && { message }) });
  }
}

/** One update of all these nodes: the engine replaces their machines at the same time. @throws UpdateError. */
async function replaceMates(options: TurnOptions, mates: Mate[], signal: AbortSignal | undefined): Promise<void> {
  const names = mates.map(({ name }) => name).join(',');
  await applyUpdate(options, {
    targets: mates.flatMap(({ node }) => node.urns),
    environment: { [ONLY_NODES]: names, [TOGETHER]: '1' },
    onEvent: (event) => {
      const urn = urnOf(event);
      // What is about no resource is a step's line, which names its node itself.
      const concerned = urn === undefined ? mates[0] : mates.find(({ node }) => node.urns.includes(urn));
      concerned?.observe(event);
    },
    message: `prox-ops roll: ${names}`,
    signal,
    policyPacks: policiesLeft(options, mates),
  });
}

function urnOf({ resourcePreEvent, resOutputsEvent, resOpFailedEvent }: EngineEvent): string | undefined {
  return (resourcePreEvent ?? resOutputsEvent ?? resOpFailedEvent)?.metadata.urn;
}

/** See `NodeTurn`: our own pack has judged these nodes in the plan's preview, unless it did not know all of them. */
function policiesLeft({ stack, judged, policyPacks = [] }: TurnOptions, mates: Mate[]): string[] {
  const again = mates.some(({ node }) => !node.known) || judged !== descriptionDigest(stack);
  return again ? policyPacks : policyPacks.filter((pack) => pack !== OWN_PACK);
}

/** Its VM stands: the engine makes again what it had taken from the state, then the run brings the node back. */
export async function putBackMate(options: TurnOptions, name: string): Promise<void> {
  if ((await readState(options.stack)).openNodes().includes(name)) await abortNode(options, name);
  await restoreMate(options, name);
}

/** Out of service, its VM standing. */
async function takeOutMate(options: TurnOptions, name: string): Promise<void> {
  await new InPlaceTurn(options, name).takeOut((await standingNode(options.stack, name)).inputs);
}

/** Its machine is a new one: what was found of an adopted one went with its VM. */
async function restoreNewMate(options: TurnOptions, name: string): Promise<void> {
  await forgetAdopted(stackFileOf(options.stack), name);
  await restoreMate(options, name);
}

/** Its machine is in service: replicas may come again, pods too, and the turn is given back. */
async function restoreMate(options: TurnOptions, name: string): Promise<void> {
  await new InPlaceTurn(options, name).putBack((await standingNode(options.stack, name)).inputs);
}

export const MATE_ACTS: MateActs = {
  takeOut: takeOutMate,
  replace: replaceMates,
  putBack: putBackMate,
  restore: restoreNewMate,
};
