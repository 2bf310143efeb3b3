import assert from 'node:assert/strict';
import type { Recorded as WorldEvent } from '../../lab/world/events';
import { loosenBudgets } from './loose-budgets';
import { EngineLab, type Finished } from './engine-lab';
import { release, talosVersions } from './engine-cluster';

const CONTROL_PLANES = ['k8s-ctrl-1', 'k8s-ctrl-2', 'k8s-ctrl-3'];
/** On four hosts: two of a host are clones of one template. */
export const WORKERS = ['k8s-work-1', 'k8s-work-2', 'k8s-work-3', 'k8s-work-5', 'k8s-work-6', 'k8s-work-11'];
/** The first patch release to roll to; the next one each time, so that every node needs a turn. */
const FIRST_PATCH = 4;

export interface PlannedBatches {
  parallel?: number;
  batches?: { nodes: string[]; alone?: string }[];
}

/** A cluster with six workers, whose budgets let some of them go together. */
export class ParallelCluster {
  private rolled = 0;
  /** The release to run; its slot's other one is what the nodes that still need a turn run. */
  private target = '';

  private constructor(readonly engine: EngineLab) {}

  static async start(base: number, rollout: Record<string, unknown> = {}): Promise<ParallelCluster> {
    const settings = { healthPasses: 1, strategy: 'replace', ...rollout };
    const engine = await EngineLab.start({ base, nodes: [...CONTROL_PLANES, ...WORKERS], rollout: settings });
    const up = await engine.proxOps('up');
    assert.equal(up.code, 0, up.output);
    await engine.lab.armed();
    await loosenBudgets(engine);
    return new ParallelCluster(engine);
  }

  /** Makes a release that no node runs the one to run. The one before stays in the other slot. */
  async nextRelease(): Promise<string> {
    this.target = `v1.12.${FIRST_PATCH + this.rolled++}`;
    await release(this.engine, this.target);
    return this.target;
  }

  async plan(...args: string[]): Promise<PlannedBatches> {
    const plan = await this.engine.proxOps('plan', '--json', ...args);
    assert.equal(plan.code, 0, plan.output);
    return JSON.parse(plan.stdout) as PlannedBatches;
  }

  /** Two workers that need a turn and may go together now, and the release that they are to run. */
  async pair(): Promise<{ pair: [string, string]; target: string }> {
    for (let attempt = 0; attempt < 3; attempt++) {
      if (this.target === '') await this.nextRelease();
      const stale = this.stale();
      const { batches = [] } = stale.length < 2 ? {} : await this.plan('--parallel', '2', '--nodes', ...stale);
      const two = batches.find(({ nodes }) => nodes.length === 2)?.nodes;
      if (two) return { pair: two as [string, string], target: this.target };
      await this.rollTheRest();
      await this.nextRelease();
    }
    assert.fail('no two workers may go together');
  }

  private stale(): string[] {
    const running = talosVersions(this.engine);
    return WORKERS.filter((name) => running[name] !== this.target);
  }

  /** A node that misses a release runs one that is in no slot any more, and could not be put back. */
  private async rollTheRest(): Promise<void> {
    const stale = this.stale();
    if (stale.length === 0) return;
    const roll = await this.engine.proxOps('roll', '--yes', '--nodes', ...stale);
    assert.equal(roll.code, 0, roll.output);
  }

  /** Whatever is out after it is brought in by another roll, which has to succeed. */
  async converges(first: Finished, ...args: string[]): Promise<Finished> {
    const again = await this.engine.proxOps('roll', '--yes', ...args);
    assert.equal(again.code, 0, `${first.output}\n--- run again:\n${again.output}`);
    return again;
  }
}

/** The most VMs of these nodes that were without power at one moment, from the world's own events. */
export function mostDown(events: readonly WorldEvent[], nodes: readonly string[]): number {
  const down = new Set<string>();
  let most = 0;
  for (const event of events) {
    if (event.type === 'vm.stopped' && nodes.includes(event.name)) down.add(event.name);
    if (event.type === 'vm.started' && nodes.includes(event.name)) down.delete(event.name);
    most = Math.max(most, down.size);
  }
  return most;
}

/** The most of these nodes whose machines were not running at one moment. */
export function mostAway(events: readonly WorldEvent[], nodes: readonly string[]): number {
  const away = new Set<string>();
  let most = 0;
  for (const event of events) {
    if (event.type === 'machine.down' && nodes.includes(event.node)) away.add(event.node);
    if (event.type === 'machine.running' && nodes.includes(event.node)) away.delete(event.node);
    most = Math.max(most, away.size);
  }
  return most;
}
