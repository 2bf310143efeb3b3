import { furnish } from './furnish.js';
import type { KubernetesObserver } from './observed-kubernetes.js';
import { kubeconfigSecrets, pkiSecrets } from './secrets.js';
import type { KubernetesCluster } from '../kubernetes/index.js';
import type { LinstorController } from '../linstor/index.js';
import { LiveKubernetes, type PlannedNode, type SafetyMonitor, type Secret } from '../monitor/index.js';
import type { ClusterPki, Machine, World } from '../world/world.js';

export interface ServiceParts {
  world: World;
  monitor: SafetyMonitor;
  linstor: LinstorController;
  kubernetes: () => KubernetesCluster;
  machine: (node: string) => Machine | undefined;
  /** Names of the nodes that make the cluster complete. */
  nodes: readonly string[];
}

/** Somebody else's cluster may name its VMs otherwise than its nodes. */
function plannedNode({ node, role, vmid, uuid, hardware }: Machine): PlannedNode {
  return { name: node, role, vmid, uuid, ...(hardware.name !== node && { vmName: hardware.name }) };
}

/**
 * Follows the cluster's lives: after a bootstrap the monitor watches its Kubernetes; once it is complete it is furnished
 * and the monitor armed, which is when the cluster is in service.
 */
export class ServiceWatch implements KubernetesObserver {
  private life: AbortController | undefined;
  private inService: () => void = () => undefined;
  private failed: (error: unknown) => void = () => undefined;
  /** Resolves when the cluster is in service for the first time; rejects when furnishing it failed. */
  readonly armed = new Promise<void>((resolve, reject) => {
    this.inService = resolve;
    this.failed = reject;
  });

  constructor(private readonly parts: ServiceParts) {
    // Nobody needs to wait for it.
    this.armed.catch(() => undefined);
  }

  bootstrapped(pki: ClusterPki): void {
    this.tell(pkiSecrets(pki));
    this.life = new AbortController();
    const signal = AbortSignal.any([this.life.signal, this.parts.world.signal]);
    this.bringIntoService(signal).catch((error: unknown) => this.report(error, signal));
  }

  wiped(): void {
    this.life?.abort(new Error('the cluster was wiped'));
  }

  handedOut(kubeconfig: string): void {
    this.tell(kubeconfigSecrets(kubeconfig));
  }

  private async bringIntoService(signal: AbortSignal): Promise<void> {
    const { world, monitor, linstor, kubernetes, machine, nodes } = this.parts;
    const kubeconfig = await kubernetes().observerKubeconfig();
    this.tell(kubeconfigSecrets(kubeconfig));
    monitor.connect(new LiveKubernetes(kubeconfig));
    const outside = { address: world.network.control, port: world.network.ports.ingress };
    const machines = await furnish(kubeconfig, { nodes, machine, linstor, events: world.events, outside }, signal);
    monitor.arm(machines.map(plannedNode));
    this.inService();
  }

  /** A life that ended while it was furnished is no failure. */
  private report(error: unknown, signal: AbortSignal): void {
    if (!signal.aborted) {
      const message = error instanceof Error ? error.message : String(error);
      this.parts.world.events.emit({ type: 'lab.failure', part: 'furnishing', message });
      this.failed(error);
    } else if (this.parts.world.signal.aborted) {
      this.failed(error);
    }
  }

  private tell(secrets: Secret[]): void {
    for (const secret of secrets) this.parts.monitor.addSecret(secret);
  }
}
