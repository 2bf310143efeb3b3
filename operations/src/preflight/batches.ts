import { judgePod } from '../actions/podFilters.js';
import { openNodes } from '../actions/turnRecord.js';
import { holds } from '../clients/kubernetesObjects.js';
import { storageAlone, storageConflict } from './batchStorage.js';
import { workloadAlone, workloadConflict, type LeavingPods } from './batchWorkloads.js';
import type { PreflightRequest, TurnRequest } from './request.js';
import { Scene } from './scheduler/scene.js';
import type { Snapshot } from './snapshot.js';

/** Turns that may be taken at the same time. */
export interface Batch {
  /** Their places in the request, in its order. */
  turns: number[];
  /** Of a single turn: why no other one goes with it. */
  alone?: string;
}

/**
 * Puts turns together that cannot get in each other's way, by one look at the world: workers alone, no two with replicas of
 * one resource, with pods that one budget or none guards, or whose pods and replicas would need each other's place. What
 * cannot be known goes alone. Each batch begins with the first turn that is left, and takes what fits from those after it;
 * no turn goes past a control plane's. Pure.
 * @param apart names of nodes that go alone whatever they are.
 */
export function formBatches(
  snapshot: Snapshot,
  request: PreflightRequest,
  limit: number,
  apart: readonly string[] = [],
): Batch[] {
  const former = new Former(snapshot, request, apart);
  const left = placed(request);
  const batches: Batch[] = [];
  while (left.length > 0) {
    const batch = former.next(left, limit);
    batches.push(batch);
    for (const place of batch.turns)
      left.splice(
        left.findIndex((other) => other.place === place),
        1,
      );
  }
  return batches;
}

/** The first of these batches alone: what comes after it is better looked at when it has come so far. */
export function nextBatch(
  snapshot: Snapshot,
  request: PreflightRequest,
  limit: number,
  apart: readonly string[] = [],
): Batch {
  return new Former(snapshot, request, apart).next(placed(request), limit);
}

function placed({ turns }: PreflightRequest): Placed[] {
  return turns.map((turn, place) => ({ turn, place }));
}

interface Placed {
  turn: TurnRequest;
  place: number;
}

class Former {
  private readonly scene: Scene | undefined;
  private readonly reasons = new Map<TurnRequest, string | undefined>();

  constructor(
    private readonly snapshot: Snapshot,
    private readonly request: PreflightRequest,
    private readonly apart: readonly string[],
  ) {
    this.scene = 'value' in snapshot.kubernetes ? new Scene(snapshot.kubernetes.value) : undefined;
  }

  next([first, ...others]: Placed[], limit: number): Batch {
    if (!first) return { turns: [] };
    const single = this.whyAlone(first.turn);
    if (single !== undefined) return { turns: [first.place], alone: single };
    const batch = [first];
    let why = 'no other worker is left to go with it';
    for (const other of others) {
      if (batch.length >= limit || other.turn.role === 'controlplane') break;
      if (batch.some(({ turn }) => turn.name === other.turn.name)) continue;
      const conflict = this.whyAlone(other.turn) ?? this.conflict([...batch, other].map(({ turn }) => turn));
      if (conflict === undefined) batch.push(other);
      else if (batch.length === 1) why = `not with ${other.turn.name}: ${conflict}`;
    }
    const turns = batch.map(({ place }) => place);
    return turns.length > 1 ? { turns } : { turns, alone: why };
  }

  /** Why a turn goes alone, whatever else is left. */
  private whyAlone(turn: TurnRequest): string | undefined {
    if (!this.reasons.has(turn)) this.reasons.set(turn, this.reasonAlone(turn));
    return this.reasons.get(turn);
  }

  private reasonAlone(turn: TurnRequest): string | undefined {
    const { name, role, action, template } = turn;
    if (role === 'controlplane') return 'a control plane always goes alone';
    if (this.apart.includes(name)) return 'the run itself runs on it';
    if (action !== 'replace') return `${name} is no plain replacement (${action})`;
    if (!template) return `the template of ${name} is not known`;
    return this.unfit(name) ?? storageAlone(name, this.snapshot, this.request) ?? this.workloadAlone(name);
  }

  /** It must be in service before it leaves: whatever is wrong with it may concern the others. */
  private unfit(name: string): string | undefined {
    const { kubernetes } = this.snapshot;
    if ('trouble' in kubernetes) return `the Kubernetes API does not answer (${kubernetes.trouble})`;
    const { nodes, lease } = kubernetes.value;
    if (openNodes(lease ?? {}).some(({ node }) => node === name)) return `${name} is out already`;
    const node = nodes.find(({ metadata }) => metadata.name === name);
    if (!node) return `Kubernetes has no node ${name}`;
    if (!holds(node, 'Ready')) return `${name} is not Ready`;
    return node.spec?.unschedulable === true ? `${name} is cordoned` : undefined;
  }

  private workloadAlone(name: string): string | undefined {
    return this.scene && workloadAlone(this.leaving(name, this.scene), [name], this.scene);
  }

  /** Why these turns, each of which could go with another one, cannot go together. */
  private conflict(turns: TurnRequest[]): string | undefined {
    const names = turns.map(({ name }) => name);
    return (
      sameTemplate(turns) ??
      storageConflict(names, this.snapshot, this.request.settings) ??
      this.workloadConflict(names)
    );
  }

  private workloadConflict(names: string[]): string | undefined {
    const { kubernetes } = this.snapshot;
    if (!this.scene || 'trouble' in kubernetes) return 'the Kubernetes API does not answer';
    const { scene } = this;
    const leaving = names.map((name) => this.leaving(name, scene));
    return workloadConflict(leaving, kubernetes.value.budgets, scene);
  }

  private leaving(node: string, scene: Scene): LeavingPods {
    const pods = scene.podsOn(node).filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    return { node, evict: pods.filter((pod) => judgePod(pod, this.request.settings).kind === 'evict') };
  }
}

/** Clones of one template are made one after the other: the second machine would stand still with its first one gone. */
function sameTemplate(turns: TurnRequest[]): string | undefined {
  for (const [index, { name, template }] of turns.entries()) {
    const other = turns.slice(0, index).find((before) => before.template?.vmId === template?.vmId);
    if (other) return `${other.name} and ${name} are clones of one template (${template?.name ?? ''})`;
  }
  return undefined;
}
