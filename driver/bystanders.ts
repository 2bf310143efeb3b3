import {
  awaitTurn,
  connect,
  KubernetesUnreachable,
  realClock,
  resume,
  suspend,
  tell,
  turnsTaken,
  type Kubernetes,
  type KustomizationName,
} from '@prox-ops/operations';
import type { Stack } from '@pulumi/pulumi/automation';
import { kustomizations } from '../config/kustomizations';
import type { StackConfig } from '../config/schema';
import { clusterAccess } from './access';
import { CommandError, ExitCode } from './exit';
import { heldByAnother } from './lease';
import type { PlannedNode } from './plan';
import type { RunLog } from './runLog';

export interface Beside {
  stack: Stack;
  log: RunLog;
  runId: string;
  /** Kustomizations to suspend, instead of the stack file's. */
  suspendFlux?: string[];
}

/** Why a run has ended, as the condition says it. */
const REASONS: Partial<Record<ExitCode, string>> = {
  [ExitCode.ok]: 'Done',
  [ExitCode.handedOver]: 'HandedOver',
  [ExitCode.interrupted]: 'Interrupted',
  [ExitCode.blocked]: 'Blocked',
  [ExitCode.putBack]: 'PutBack',
  [ExitCode.open]: 'NodeOut',
};

/**
 * Who stands beside a rollout: Flux, held still where that is asked for, and whoever waits for its end. Telling is best
 * effort: an API that is away for a moment is no reason to stop a rollout.
 */
export class Bystanders {
  private readonly began = Date.now();

  constructor(
    private readonly beside: Beside,
    private readonly kubernetes: Kubernetes,
  ) {}

  static async open(beside: Beside, config: StackConfig): Promise<Bystanders> {
    const { kubernetes } = await connect(await clusterAccess(beside.stack, config), realClock);
    return new Bystanders(beside, kubernetes);
  }

  /** @throws CommandError when what is to be suspended cannot be: no node was touched. */
  async prepare(config: StackConfig, nodes: number): Promise<void> {
    await this.suspend(kustomizations(this.beside.suspendFlux ?? config.rollout.suspendFlux));
    await this.say('Rolling', `${nodes} node(s) to go`);
  }

  /** @param names of the node whose turn it is, or of several that go together. */
  async turn(names: string, index: number, of: number): Promise<void> {
    await this.say('Rolling', `${names}, ${index + 1} of ${of}`);
  }

  /** Keeps the next driver off our own node. @returns false when we are on it although it was kept free of drivers. */
  handOver(node: string): Promise<boolean> {
    return awaitTurn(this.kubernetes, node, this.beside.runId);
  }

  /**
   * Lets go of everybody, also of whom a run held that crashed. A run that is handed over goes on elsewhere, and one that
   * found another at work has nothing to let go of. An API that was silent for as long as its client asks is not asked
   * for the rest as well: the next run lets go of it.
   */
  async leave(exitCode: ExitCode, message: string): Promise<void> {
    if (exitCode === ExitCode.handedOver) return this.say('HandedOver', message);
    if (exitCode === ExitCode.held) return;
    const flux = await this.attempt('Flux', async () => {
      for (const name of await resume(this.kubernetes)) this.note(`resumed Kustomization ${name}`);
    });
    if (flux === 'silent') return;
    const nodes = await this.attempt('nodes', async () => void (await turnsTaken(this.kubernetes)));
    if (nodes === 'silent') return;
    await this.say(REASONS[exitCode] ?? 'Failed', message, false);
  }

  private async suspend(names: KustomizationName[]): Promise<void> {
    if (names.length === 0) return;
    try {
      const { ours, others } = await suspend(this.kubernetes, names, this.beside.runId);
      for (const name of ours) this.note(`suspended Kustomization ${name}`);
      for (const name of others) this.note(`Kustomization ${name} is suspended by somebody else: it stays so`);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new CommandError(`Flux: ${why}\nNo node was touched. Go on with: prox-ops roll`, ExitCode.blocked);
    }
  }

  private async say(reason: string, message: string, inProgress = true): Promise<void> {
    const since = inProgress ? this.began : Date.now();
    const telling = { inProgress, reason, message: `run ${this.beside.runId}: ${message}`, since };
    await this.attempt('condition', async () => void (await tell(this.kubernetes, telling)));
  }

  private async attempt(subject: string, act: () => Promise<void>): Promise<'answered' | 'silent'> {
    try {
      await act();
      return 'answered';
    } catch (error) {
      const silent = error instanceof KubernetesUnreachable;
      const why = error instanceof Error ? error.message : String(error);
      const message = silent ? `${why}. What this run holds of the cluster beside it, the next run lets go of` : why;
      this.beside.log.emit({ type: 'notice', subject, message });
      return silent ? 'silent' : 'answered';
    }
  }

  private note(message: string): void {
    this.beside.log.emit({ type: 'progress', node: undefined, message });
  }
}

/** Lets go of what a run that crashed still holds, where no node is left to replace. Best effort, as all telling. */
export async function letGo(beside: Beside, config: StackConfig, message: string): Promise<void> {
  if (await heldByAnother(beside)) return;
  try {
    const bystanders = await Bystanders.open(beside, config);
    await bystanders.leave(ExitCode.ok, message);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    beside.log.emit({ type: 'notice', subject: 'cluster', message: why });
  }
}

/** The nodes with our own at the end of its role, so that all others have finished when we have to leave it. */
export function ownNodeLast(nodes: PlannedNode[], own: string | undefined): PlannedNode[] {
  const ours = nodes.filter((node) => node.name === own && leavesIt(node));
  const [first] = ours;
  if (!first) return nodes;
  const others = nodes.filter((node) => !ours.includes(node));
  const after = others.findLastIndex(({ role }) => role === first.role) + 1;
  const at = after > 0 ? after : nodes.indexOf(first);
  return [...others.slice(0, at), ...ours, ...others.slice(at)];
}

/** Whether nothing that runs on the node is there after its turn. Another Kubernetes leaves its pods alone. */
export function leavesIt({ action }: PlannedNode): boolean {
  return action !== 'kubernetes';
}
