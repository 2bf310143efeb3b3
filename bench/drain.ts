import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  KubernetesClient,
  leave,
  realClock,
  stepSettings,
  type BracketInputs,
  type Session,
} from '@prox-ops/operations';
import Table from 'cli-table3';
import { ensureTools } from '../lab/tools/index';
import { findBinaries, plan, Stage, type NodePlan } from '../test/lab/kubernetes/support';

const BASE = 120;
const PODS = 20;
/** Pods that may be away at a time; undefined: no budget at all. */
const BUDGETS = [undefined, 10, 4];
/** Best of so many, taken in turns: what disturbs a measurement only ever makes it longer. */
const REPEATS = 3;
const APP = 'bench';
const DRAIN = ['--ignore-daemonsets', '--delete-emptydir-data', '--timeout', '300s'];

/**
 * Our drain beside `kubectl drain`: one real API server, scheduler and controller manager, and before each of them the same
 * pods, all on the node that is drained.
 */
export async function drain(): Promise<string> {
  const stage = new Stage(BASE, await findBinaries());
  const directory = mkdtempSync(join(tmpdir(), 'prox-ops-bench-'));
  try {
    const nodes = plan(stage.network, 1, 3);
    await stage.start(nodes);
    const bench = new DrainBench(await stage.cluster.adminKubeconfig(), directory, nodes);
    await bench.prepare();
    const table = new Table({
      style: { head: [], border: [] },
      head: ['budget: may be away', 'pods', 'kubectl drain', 'ours', 'ours / kubectl'],
    });
    for (const budget of BUDGETS) {
      const { theirs, ours } = await bench.measure(budget);
      const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;
      table.push([budget ?? 'none', PODS, seconds(theirs), seconds(ours), (ours / theirs).toFixed(2)]);
    }
    return `${table.toString()}\nBest of ${REPEATS}. kubectl's time has its start, ours the rollout lease and the wait for volumes.`;
  } finally {
    await stage.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

class DrainBench {
  private readonly kubeconfigFile: string;
  private readonly target: NodePlan;
  private kubectlPath = 'kubectl';

  constructor(
    private readonly kubeconfig: string,
    directory: string,
    private readonly nodes: NodePlan[],
  ) {
    this.kubeconfigFile = join(directory, 'kubeconfig');
    writeFileSync(this.kubeconfigFile, kubeconfig, { mode: 0o600 });
    this.target = nodes.find(({ role }) => role === 'worker') as NodePlan;
  }

  async prepare(): Promise<void> {
    this.kubectlPath = (await ensureTools(['kubectl'])).kubectl;
    await this.kubectl('wait', '--for=condition=Ready', 'nodes', '--all', '--timeout=60s');
    await this.kubectl('create', 'deployment', APP, '--image=registry.k8s.io/pause:3.10', '--replicas=0');
  }

  async measure(budget: number | undefined): Promise<{ theirs: number; ours: number }> {
    await this.kubectl('delete', 'pdb', APP, '--ignore-not-found');
    if (budget !== undefined)
      await this.kubectl('create', 'pdb', APP, '--selector', `app=${APP}`, `--max-unavailable=${budget}`);
    let [theirs, ours] = [Infinity, Infinity];
    for (let repeat = 0; repeat < REPEATS; repeat++) {
      theirs = Math.min(theirs, await this.timed(() => this.kubectl('drain', this.target.name, ...DRAIN)));
      ours = Math.min(ours, await this.timed(() => this.ourDrain(`bench-${repeat}`)));
    }
    return { theirs, ours };
  }

  /** All pods on the target, everything Ready and every node open; then the time of the drain alone. */
  private async timed(act: () => Promise<unknown>): Promise<number> {
    const others = this.nodes.filter((node) => node.role === 'worker' && node !== this.target).map(({ name }) => name);
    await this.kubectl('scale', 'deployment', APP, '--replicas=0');
    await this.kubectl('wait', '--for=delete', 'pod', '--selector', `app=${APP}`, '--timeout=60s');
    await this.kubectl('uncordon', this.target.name);
    await this.kubectl('annotate', 'node', this.target.name, 'prox-ops.io/cordoned-by-');
    await this.kubectl('delete', 'lease', '--namespace', 'kube-system', 'prox-ops-rollout', '--ignore-not-found');
    await this.kubectl('cordon', ...others);
    await this.kubectl('scale', 'deployment', APP, `--replicas=${PODS}`);
    await this.kubectl('rollout', 'status', 'deployment', APP, '--timeout=120s');
    await this.kubectl('uncordon', ...others);
    const started = performance.now();
    await act();
    return performance.now() - started;
  }

  private async ourDrain(runId: string): Promise<void> {
    const kubernetes = new KubernetesClient(this.kubeconfig, realClock);
    const session = { kubernetes } as unknown as Session;
    await leave(
      'drain',
      this.inputs(),
      { runId, report: () => undefined },
      { connect: () => Promise.resolve(session) },
    );
  }

  private inputs(): BracketInputs {
    const { name, address } = this.target;
    return {
      node: { name, role: 'worker', vmId: 1, uuid: '00000000-0000-4000-8000-000000000001', host: 'none', address },
      access: {
        clusterName: 'bench',
        kubeconfig: this.kubeconfig,
        talosconfig: '',
        controlPlanes: [],
        proxmoxEndpoint: '',
        proxmoxToken: '',
      },
      settings: stepSettings({ rollout: {} }),
      release: { talos: '', kubernetes: '', schematic: '' },
      vm: '1',
    };
  }

  private async kubectl(...args: string[]): Promise<void> {
    const environment = { ...process.env, KUBECONFIG: this.kubeconfigFile };
    await promisify(execFile)(this.kubectlPath, args, { env: environment });
  }
}
