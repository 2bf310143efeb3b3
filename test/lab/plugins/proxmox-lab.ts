import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { productionInventory } from '../../../lab/inventory/production.js';
import { ProxmoxCluster, startProxmox } from '../../../lab/proxmox/index.js';
import { ImageFactory, TalosFleet } from '../../../lab/talos/index.js';
import { ensureTools } from '../../../lab/tools/index.js';
import { createAuthority, issue } from '../../../lab/world/certificates.js';
import { realClock } from '../../../lab/world/clock.js';
import { FASTEST } from '../../../lab/world/durations.js';
import { EventLog } from '../../../lab/world/events.js';
import { Faults } from '../../../lab/world/faults.js';
import type { Kubernetes, Storage, World } from '../../../lab/world/world.js';
import { testNetwork } from '../../support/network';

const TOKEN = 'root@pam!prox-ops=11111111-2222-3333-4444-555555555555';
/** The empty schematic's image of one release. */
const SCHEMATIC = '376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba';
export const IMAGE_URL = `http://factory.test/image/${SCHEMATIC}/v1.12.0/nocloud-amd64.raw`;

/** The emulated Proxmox VE on loopback, with what a provider needs to reach it. */
export class ProxmoxLab {
  private constructor(
    readonly world: World,
    readonly cluster: ProxmoxCluster,
    private readonly images: ImageFactory,
    private readonly stop: AbortController,
    private readonly server: { close(): Promise<void> },
  ) {}

  static async start(base = 106): Promise<ProxmoxLab> {
    const network = testNetwork(base);
    const stop = new AbortController();
    const directory = mkdtempSync(join(tmpdir(), 'plugins-test-'));
    const world: World = {
      clock: realClock,
      durations: FASTEST,
      events: new EventLog(() => Date.now()),
      faults: new Faults(),
      network,
      inventory: productionInventory(network),
      directory,
      signal: stop.signal,
    };
    const images = new ImageFactory(world);
    const cluster = new ProxmoxCluster(world, { resolveImage: (url) => images.resolveImage(url) });
    const authority = await createAuthority({ commonName: 'lab', algorithm: 'ecdsa' });
    const ips = world.inventory.hosts.map(({ address }) => address);
    const tls = await issue(authority, { commonName: 'proxmox', ips });
    writeFileSync(join(directory, 'ca.pem'), authority.crt);
    const server = await startProxmox(world, { cluster, tls, tokens: [TOKEN] });
    return new ProxmoxLab(world, cluster, images, stop, server);
  }

  /**
   * Puts Talos onto the VMs and opens the image factory. There is no Kubernetes: `kubeconfig` is what the machines hand
   * out as the cluster's.
   * @returns the way to end it.
   */
  async startTalos(kubeconfig: string): Promise<() => Promise<void>> {
    const { talosctl } = await ensureTools(['talosctl']);
    const nothing = () => undefined;
    const kubernetes: Kubernetes = {
      bootstrap: async () => undefined,
      contents: async () => [],
      kubeletUp: nothing,
      kubeletDown: nothing,
      wipe: async () => undefined,
      adminKubeconfig: async () => kubeconfig,
      nodeReady: () => true,
    };
    const storage: Storage = {
      satelliteUp: nothing,
      satelliteDown: nothing,
      setInUse: nothing,
      wipe: nothing,
      recover: nothing,
    };
    const { world, cluster: hypervisors, images } = this;
    const fleet = new TalosFleet(world, { hypervisors, kubernetes, storage, images, talosctl });
    await images.start();
    return async () => {
      await fleet.close();
      await images.close();
    };
  }

  /** Environment of a plugin that is to reach it; polls often, so that a test need not wait for seconds. */
  get environment(): Record<string, string> {
    return {
      PROXMOX_VE_ENDPOINT: `https://${this.world.inventory.hosts[0]?.address}:8006/`,
      PROXMOX_VE_API_TOKEN: TOKEN,
      SSL_CERT_FILE: join(this.world.directory, 'ca.pem'),
      PROX_OPS_PLUGIN_POLL_MS: '15',
    };
  }

  /** Bytes of the image behind IMAGE_URL. */
  get imageSize(): number | undefined {
    return this.images.resolveImage(IMAGE_URL)?.size;
  }

  /** Every request to Proxmox VE that changed something since the last call, as METHOD path. */
  writes(): string[] {
    return this.fresh('proxmox').map(({ method, path }) => `${method} ${path}`);
  }

  /** Every call to a machine that changed something since the last call. */
  writesToTalos(): string[] {
    return this.fresh('talos').map(({ method, path }) => `${method} ${path}`);
  }

  private readonly seen = { proxmox: 0, talos: 0 };

  private fresh(api: 'proxmox' | 'talos') {
    const all = this.world.events.all();
    const from = this.seen[api];
    this.seen[api] = all.length;
    return all.slice(from).flatMap((event) => (event.type === 'api.write' && event.api === api ? [event] : []));
  }

  async close(): Promise<void> {
    this.stop.abort();
    await this.server.close();
    rmSync(this.world.directory, { recursive: true, force: true });
  }
}
