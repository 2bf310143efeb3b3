import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { PHASES, type Phase } from '../../driver/phases';
import { cordoned, generations, powerCut, providerHosts, release, rollAt, talosVersions } from './engine-cluster';
import { EngineLab, type Finished } from './engine-lab';
import { rawStack } from './stack-files';
import { holds } from './verdict';

const NODES = ['k8s-ctrl-1', 'k8s-ctrl-2', 'k8s-ctrl-3', 'k8s-work-1', 'k8s-work-2', 'k8s-work-3'];
const RELEASES = ['v1.12.4', 'v1.12.5'] as const;
/** From one patch release to another, which is told apart from an upgrade in place. */
const ROLLOUT = { healthPasses: 1, strategy: 'replace' };
const ONLY_CONTROL_PLANES: readonly Phase[] = ['etcd leave', 'etcd join'];

/** A control plane and a worker that are replaced again and again, from one release to another. */
export const SUBJECTS = ['k8s-ctrl-2', 'k8s-work-2'];

/** The steps of a node's turn. */
export function phasesOf(node: string): Phase[] {
  return PHASES.filter((phase) => node.startsWith('k8s-ctrl') || !ONLY_CONTROL_PLANES.includes(phase));
}

/**
 * A built cluster whose nodes are replaced while something is done to the run; every turn leaves it whole. Its two slots have
 * two releases, of which each node runs one: so every node has another one to come, and the one before to go back to.
 */
export class Turns {
  private constructor(readonly engine: EngineLab) {}

  static async start(
    base: number,
    rollout: Record<string, unknown> = {},
    linstor: Record<string, unknown> = {},
  ): Promise<Turns> {
    const engine = await EngineLab.start({ base, nodes: NODES, rollout: { ...ROLLOUT, ...rollout }, linstor });
    await release(engine, RELEASES[0]);
    const up = await engine.proxOps('up');
    assert.equal(up.code, 0, up.output);
    await engine.lab.armed();
    return new Turns(engine);
  }

  /** Makes the release that these nodes do not run the one to run. */
  async releaseFor(...nodes: string[]): Promise<string> {
    const running: (string | undefined)[] = nodes.map((node) => talosVersions(this.engine)[node]);
    const target = RELEASES.find((one) => !running.includes(one));
    assert.ok(target, `${nodes.join(', ')} run ${running.join(', ')}`);
    if (activeRelease(this.engine) !== target) await release(this.engine, target);
    return target;
  }

  /** Two workers that run the same release: of three there are always two. */
  workersAlike(): [string, string] {
    const versions = talosVersions(this.engine);
    const workers = NODES.filter((node) => !node.startsWith('k8s-ctrl'));
    for (const one of workers)
      for (const other of workers) if (one < other && versions[one] === versions[other]) return [one, other];
    return assert.fail(JSON.stringify(versions));
  }

  /** Kills a roll of the node when the step begins, its VM standing: `abort` brings the node back as it was. */
  async aborted(node: string, phase: Phase): Promise<void> {
    const { engine } = this;
    await this.releaseFor(node);
    const before = [generations(engine), talosVersions(engine)];
    const { driver, finished } = await rollAt(engine, node, phase);
    powerCut(driver);
    await finished;
    const abort = await engine.proxOps('abort', node);
    assert.equal(abort.code, 0, abort.output);
    assert.deepEqual([generations(engine), talosVersions(engine)], before);
    assert.equal(await cordoned(engine, node), false, abort.output);
    const health = await engine.proxOps('health');
    assert.equal(health.code, 0, health.output);
    const plan = await engine.proxOps('plan', '--nodes', node);
    assert.equal(plan.code, 0, plan.output);
    await holds(engine);
  }

  /**
   * Rolls a node to another release and calls `disturb` when the step begins; once that run has ended, `mend`, then a
   * second run has to finish the replacement with every invariant intact.
   */
  async disturbed(
    node: string,
    phase: Phase,
    disturb: (driver: ChildProcess) => void,
    mend: () => void = () => undefined,
  ): Promise<Finished> {
    const { engine } = this;
    const target = await this.releaseFor(node);
    const before = generations(engine);
    const { driver, finished } = await rollAt(engine, node, phase);
    disturb(driver);
    const first = await finished;
    mend();
    const again = await engine.proxOps('roll', '--yes', '--nodes', node);
    assert.equal(again.code, 0, `${first.output}\n--- run again:\n${again.output}`);
    assert.notEqual(generations(engine)[node], before[node], `${node} was not replaced`);
    assert.equal(talosVersions(engine)[node], target);
    await holds(engine);
    assert.deepEqual(providerHosts(engine), [], 'hosts of an engine that is gone');
    return first;
  }
}

function activeRelease({ stackFile }: EngineLab): string | undefined {
  const { releases } = rawStack(stackFile) as {
    releases: { active: 'a' | 'b' } & Record<'a' | 'b', { talos: string }>;
  };
  return releases[releases.active].talos;
}
