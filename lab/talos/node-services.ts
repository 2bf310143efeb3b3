import { isDeepStrictEqual } from 'node:util';
import type { Boot } from './boot.js';
import type { MachineConfiguration } from './configuration.js';
import { EtcdService } from './etcd/service.js';
import { parseVersion } from './factory/version.js';
import type { Readiness } from './status.js';
import { until } from './waiting.js';

/** How often a machine looks at its own Node, in milliseconds: the lab's Kubernetes can be asked and does not tell. */
const LOOK_AT_NODE = 250;

/** What ties a configured machine to etcd, Kubernetes and LINSTOR for one boot. */
export class NodeServices {
  private kubelet: 'off' | 'waiting' | 'up' = 'off';
  private satellite = false;
  private nodeReady = false;
  private kubeletOver = new AbortController();
  private wrongVersion: string | undefined;

  constructor(private readonly boot: Boot) {}

  /** The version the kubelet reports; a fault can make it another one than the configuration's. */
  get kubeletVersion(): string {
    return this.wrongVersion ?? this.boot.configuration?.kubelet ?? '';
  }

  /** Whether everything runs that the boot sequence waits for: on control planes, that includes a healthy etcd. */
  get started(): boolean {
    const { configuration, etcd } = this.boot;
    return configuration?.role === 'worker' || etcd?.healthy === true;
  }

  start(configuration: MachineConfiguration): void {
    const { boot } = this;
    const { world, images } = boot.fleet;
    if (world.faults.strikes('wrong-kubelet-version', boot.guest.node)) {
      this.wrongVersion = otherVersion(configuration.kubelet);
    }
    boot.services.startConfigured(configuration.role, images.extensionsOf(boot.system.schematic));
    this.startKubelet();
    if (configuration.role === 'controlplane') this.startEtcd(configuration);
  }

  /** Everything stops that was started; what is off stays off. */
  stop(): void {
    this.stopKubelet();
    this.boot.etcd?.stop();
  }

  startKubelet(): void {
    if (this.kubelet !== 'off') return;
    this.kubelet = 'waiting';
    this.kubeletOver = new AbortController();
    this.boot.services.run('kubelet');
    const { signal, fleet, guest } = this.boot;
    this.runKubelet(AbortSignal.any([signal, this.kubeletOver.signal])).catch((error: unknown) =>
      fleet.failed(`kubelet of ${guest.node}`, error),
    );
  }

  stopKubelet(): void {
    const { kubernetes, storage } = this.boot.fleet;
    const { node } = this.boot.guest;
    this.kubeletOver.abort();
    if (this.kubelet === 'up') kubernetes.kubeletDown(node);
    if (this.satellite) storage.satelliteDown(node);
    if (this.kubelet !== 'off') this.boot.services.stop('kubelet');
    this.kubelet = 'off';
    this.satellite = false;
    this.nodeReady = false;
  }

  /** What MachineStatus asks; undefined before there is a configuration. */
  readiness(): Readiness | undefined {
    const { configuration, guest } = this.boot;
    if (!configuration) return undefined;
    const { nodeReady } = this;
    return { role: configuration.role, node: guest.node, nodeReady, nodeKnown: this.kubelet === 'up' };
  }

  /** The etcd service's line in the table of services follows etcd. */
  reflectEtcd(): void {
    const { etcd, services } = this.boot;
    if (!etcd) return;
    services.set('etcd', etcd.state, etcd.message, etcd.state === 'Running' ? etcd.healthy : undefined);
  }

  /** The kubelet is restarted for another image, and runs other static pods; labels and taints reach the Node with it. */
  configurationChanged(before: MachineConfiguration, next: MachineConfiguration): void {
    const relevant = ({ kubelet, nodeLabels, nodeTaints, clusterPki }: MachineConfiguration) => ({
      kubelet,
      nodeLabels,
      nodeTaints,
      staticPods: clusterPki.kubernetesVersion,
    });
    if (this.kubelet !== 'up' || isDeepStrictEqual(relevant(before), relevant(next))) return;
    this.boot.fleet.kubernetes.kubeletUp(this.boot.machine());
  }

  private startEtcd(configuration: MachineConfiguration): void {
    const { boot } = this;
    const { fleet, guest, disk } = boot;
    const peer = { name: guest.node, address: guest.address };
    const etcd = new EtcdService(fleet.world, fleet.etcd, { talosCluster: configuration.clusterId, peer, disk });
    boot.etcd = etcd;
    etcd.onChange(() => {
      boot.refresh();
      // Kubelets wait for an API server, and nothing else tells of the first one where no other member joins.
      fleet.changed();
    });
    etcd.start(boot.signal);
  }

  private async runKubelet(signal: AbortSignal): Promise<void> {
    const { fleet } = this.boot;
    await until(
      () => fleet.kubernetesServes(),
      (listener) => fleet.onChange(listener),
      signal,
    );
    this.kubelet = 'up';
    fleet.kubernetes.kubeletUp(this.boot.machine());
    this.boot.refresh();
    await this.followNode(signal);
  }

  /** Reports the Node's readiness; starts the satellite's pod once the Node is Ready, or has had the time to be. */
  private async followNode(signal: AbortSignal): Promise<void> {
    const { world, kubernetes } = this.boot.fleet;
    const latest = world.clock.now() + world.durations.kubelet + world.durations.satellite;
    for (;;) {
      const ready = kubernetes.nodeReady(this.boot.guest.node);
      if (ready || world.clock.now() >= latest) this.startSatellite();
      if (ready !== this.nodeReady) {
        this.nodeReady = ready;
        this.boot.fleet.changed();
      }
      await world.clock.delay(LOOK_AT_NODE, signal);
    }
  }

  private startSatellite(): void {
    if (this.satellite) return;
    const machine = this.boot.machine();
    const hasData = machine.hardware.disks.some(({ slot }) => slot !== 'scsi0');
    if (!hasData || !machine.extensions.includes('siderolabs/drbd')) return;
    this.satellite = true;
    this.boot.fleet.storage.satelliteUp(machine);
  }
}

/** The minor release before: what a kubelet would be that was not upgraded along. */
function otherVersion(version: string): string {
  const found = parseVersion(version);
  return found ? `v${found.major}.${found.minor - 1}.0` : 'v0.0.0';
}
