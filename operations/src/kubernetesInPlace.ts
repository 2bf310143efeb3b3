import { kubeletRuns, staticPodsRun } from './actions/kubernetesRuns.js';
import { StepError, type BracketInputs, type StepContext } from './contract.js';
import { reasonOf, type InPlaceOptions, type InPlacePhase, type InPlaceResult } from './inPlace.js';
import { OWN_RUN, type Step, type StepDeps } from './step.js';
import { inTurn, join, leave } from './steps.js';

/** Kubernetes comes to a machine in two parts, as `talosctl upgrade-k8s` has it: all API servers first, kubelets later. */
export const KUBERNETES_PARTS = ['control plane', 'kubelet'] as const;
export type KubernetesPart = (typeof KUBERNETES_PARTS)[number];

export interface KubernetesChange {
  part: KubernetesPart;
  /** Gives the machine its configuration; throws when the machine did not take it. */
  apply: () => Promise<void>;
}

const NEXT = 'npx prox-ops roll once that is mended: it goes on where this one stopped';

/**
 * Another Kubernetes for one part of a machine that runs on: nothing is drained, since containers outlive their kubelet, and
 * no etcd member leaves. In a turn of its own, with everything else healthy before it and the health checks after it.
 * @param inputs their release names the Kubernetes to come. @throws StepError; the lease then stays open for the node.
 */
export async function changeKubernetes(
  inputs: BracketInputs,
  change: KubernetesChange,
  options: InPlaceOptions = {},
): Promise<InPlaceResult> {
  return new KubernetesTurn(inputs, change, options).run();
}

class KubernetesTurn {
  private readonly deps: Partial<StepDeps>;
  private readonly unstoppable: Partial<StepContext>;

  constructor(
    private readonly inputs: BracketInputs,
    private readonly change: KubernetesChange,
    private readonly options: InPlaceOptions,
  ) {
    this.deps = { ...OWN_RUN, ...options.deps };
    this.unstoppable = { ...options.ctx, signal: new AbortController().signal };
  }

  async run(): Promise<InPlaceResult> {
    try {
      await this.phase('turn', () => leave('turn', this.inputs, this.options.ctx, this.deps));
    } catch (error) {
      if (error instanceof StepError) return { outcome: 'put back', why: error.message };
      throw error;
    }
    // One step for both: its own API server is away once a control plane has begun, and no turn could be taken then.
    const refused = await this.step((step) => this.applied(step));
    await this.health();
    return refused === undefined ? { outcome: 'changed' } : { outcome: 'put back', why: refused };
  }

  /** @returns why the machine did not take its configuration: it is as it was then, in service if the health checks say so. */
  private async applied(step: Step): Promise<string | undefined> {
    try {
      await this.phase('change', () => this.change.apply());
    } catch (error) {
      return reasonOf(error);
    }
    const runs = this.change.part === 'kubelet' ? kubeletRuns : staticPodsRun;
    await this.phase('join', () => runs(step, this.inputs.release.kubernetes));
    return undefined;
  }

  private health(): Promise<void> {
    return this.phase('health', async () => {
      await join('turn', this.inputs, this.unstoppable, this.deps);
    });
  }

  private step<T>(act: (step: Step) => Promise<T>): Promise<T> {
    return inTurn('kubernetes', this.inputs, NEXT, act, this.unstoppable, this.deps);
  }

  private async phase(phase: InPlacePhase, act: () => Promise<void>): Promise<void> {
    const { onPhase } = this.options;
    onPhase?.(phase, 'started');
    try {
      await act();
      onPhase?.(phase, 'finished');
    } catch (error) {
      onPhase?.(phase, 'failed');
      throw error;
    }
  }
}
