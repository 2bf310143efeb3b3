import { etcdCanSpare } from './actions/etcd.js';
import { rebootMachine, upgradeMachine } from './actions/reboots.js';
import type { RebootMode } from './clients/talos.js';
import { StepError, type Bracket, type BracketInputs, type ReleaseTarget, type StepContext } from './contract.js';
import { messageOf } from './runtime/errors.js';
import { schematicOf } from './running.js';
import { OWN_RUN, type Step, type StepDeps } from './step.js';
import { inTurn, join, leave } from './steps.js';

/** A change that a node keeps its VM, disks and etcd member through. */
export type InPlaceChange =
  | { kind: 'reboot'; mode: RebootMode }
  /** `image`: the installer of `inputs.release`. `previous`: what runs now, to go back to. */
  | { kind: 'upgrade'; image: string; previous: { image: string; release: ReleaseTarget } };

type Upgrade = Extract<InPlaceChange, { kind: 'upgrade' }>;

export type InPlacePhase =
  | 'turn'
  | 'pull'
  | 'drain'
  | 'evacuate'
  | 'etcd spare'
  | 'change'
  | 'roll back'
  | 'join'
  | 'etcd join'
  | 'restore'
  | 'uncordon'
  | 'health';

/** put back: the node was not changed. rolled back: it was, and runs its previous Talos again. */
export type InPlaceOutcome = 'changed' | 'put back' | 'rolled back';

export interface InPlaceResult {
  outcome: InPlaceOutcome;
  /** What went wrong, where the node was not changed. */
  why?: string;
}

export interface InPlaceOptions {
  /** Its signal stops the change while the machine is as it was; then the node is put back. Later it is finished. */
  ctx?: Partial<StepContext>;
  deps?: Partial<StepDeps>;
  onPhase?: (phase: InPlacePhase, state: 'started' | 'finished' | 'failed') => void;
}

const LEAVES: [InPlacePhase, Bracket][] = [
  ['drain', 'drain'],
  ['evacuate', 'evacuation'],
];
const JOINS: [InPlacePhase, Bracket][] = [
  ['join', 'gate'],
  ['etcd join', 'etcd'],
  ['restore', 'evacuation'],
  ['uncordon', 'drain'],
  ['health', 'turn'],
];
const NEXT = 'the same command again once that is mended: it goes on where this one stopped';

/**
 * Reboots or upgrades a node with every guard of a replacement (R000-6, R004-FR6): the lease, drained, its replicas moved,
 * etcd able to spare it, and all of that back again. Safe to repeat after an interrupt.
 * @throws StepError when the node is left out of the cluster; the lease then stays open for it.
 */
export async function changeInPlace(
  inputs: BracketInputs,
  change: InPlaceChange,
  options: InPlaceOptions = {},
): Promise<InPlaceResult> {
  return new GuardedChange(inputs, change, options).run();
}

/** Puts back a node whose change in place was stopped before the change. @throws StepError. */
export async function abortInPlace(inputs: BracketInputs, options: InPlaceOptions = {}): Promise<void> {
  await new GuardedChange(inputs, { kind: 'reboot', mode: 'default' }, options).putBack();
}

class GuardedChange {
  private readonly deps: Partial<StepDeps>;
  /** Of what is not left half done: putting back, and everything from the change on. */
  private readonly unstoppable: Partial<StepContext>;

  constructor(
    private readonly inputs: BracketInputs,
    private readonly change: InPlaceChange,
    private readonly options: InPlaceOptions,
  ) {
    this.deps = { ...OWN_RUN, ...options.deps };
    this.unstoppable = { ...options.ctx, signal: new AbortController().signal };
  }

  async run(): Promise<InPlaceResult> {
    const stopped = await this.takeOut();
    if (stopped !== undefined) return { outcome: 'put back', why: stopped };
    const { change } = this;
    if (change.kind === 'reboot') {
      await this.phase('change', () => this.step('reboot', (step) => rebootMachine(step, change.mode)));
      await this.bringBack(this.inputs);
      return { outcome: 'changed' };
    }
    return this.upgrade(change);
  }

  /** Gives back whatever a stopped change had taken. Every join is harmless where its leave never ran. */
  async putBack(): Promise<void> {
    for (const [phase, bracket] of JOINS.slice(2)) await this.phase(phase, () => this.join(bracket, this.inputs));
  }

  /** @returns what stopped it; what had been taken down is then back. */
  private async takeOut(): Promise<string | undefined> {
    const { change, inputs } = this;
    try {
      await this.phase('turn', () => leave('turn', inputs, this.options.ctx, this.deps));
      // Before the cordon: a registry that does not answer must not keep a node out of the cluster.
      if (change.kind === 'upgrade')
        await this.phase('pull', () =>
          this.step('pull', (step) => step.session.talos.pullImage(step.node.address, change.image)),
        );
      for (const [phase, bracket] of LEAVES) {
        this.assertWanted();
        await this.phase(phase, () => leave(bracket, inputs, this.options.ctx, this.deps));
      }
      await this.phase('etcd spare', () => this.step('etcd', etcdCanSpare));
      this.assertWanted();
      return undefined;
    } catch (error) {
      if (error instanceof StepError && error.step === 'turn') return error.message;
      await this.putBack();
      return reasonOf(error);
    }
  }

  private assertWanted(): void {
    if (this.options.ctx?.signal?.aborted === true) throw new Error('stopped by Ctrl-C before the machine was changed');
  }

  private async upgrade(change: Upgrade): Promise<InPlaceResult> {
    try {
      await this.phase('change', () => this.step('upgrade', (step) => upgradeMachine(step, change.image)));
      await this.phase('join', () => this.join('gate', this.inputs));
    } catch (error) {
      return this.goBack(change, reasonOf(error));
    }
    await this.bringBack(this.inputs, JOINS.slice(1));
    return { outcome: 'changed' };
  }

  /** To the previous installer, unless that is what still runs: an installer that fails leaves the machine as it was. */
  private async goBack({ previous }: Upgrade, why: string): Promise<InPlaceResult> {
    const inputs = { ...this.inputs, release: previous.release };
    const untouched = await this.step('upgrade', (step) => runs(step, previous.release));
    if (!untouched)
      await this.phase('roll back', () => this.step('upgrade', (step) => upgradeMachine(step, previous.image)));
    await this.bringBack(inputs);
    return { outcome: untouched ? 'put back' : 'rolled back', why };
  }

  private async bringBack(inputs: BracketInputs, joins = JOINS): Promise<void> {
    for (const [phase, bracket] of joins) await this.phase(phase, () => this.join(bracket, inputs));
  }

  private async join(bracket: Bracket, inputs: BracketInputs): Promise<void> {
    await join(bracket, inputs, this.unstoppable, this.deps);
  }

  private step<T>(name: string, act: (step: Step) => Promise<T>): Promise<T> {
    return inTurn(name, this.inputs, NEXT, act, this.unstoppable, this.deps);
  }

  private async phase<T>(phase: InPlacePhase, act: () => Promise<T>): Promise<T> {
    const { onPhase } = this.options;
    onPhase?.(phase, 'started');
    try {
      const result = await act();
      onPhase?.(phase, 'finished');
      return result;
    } catch (error) {
      onPhase?.(phase, 'failed');
      throw error;
    }
  }
}

/** Whether the machine still runs that release: an installer that refused, or that never got to its reboot. */
async function runs({ session, node }: Step, { talos, schematic }: ReleaseTarget): Promise<boolean> {
  const version = await session.talos.version(node.address);
  return version === talos && schematicOf(await session.talos.extensions(node.address)) === schematic;
}

/** Without what was left and what to do: that has been seen to by the time it is told. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof StepError)) return messageOf(error);
  const { node, step, details } = error;
  return `${node}: ${step} stopped. Expected: ${details.expected}. Found: ${details.found}`;
}
