import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { productionInventory } from '../../../lab/inventory/production.js';
import { ProxmoxCluster, startProxmox } from '../../../lab/proxmox/index.js';
import { createAuthority, issue } from '../../../lab/world/certificates.js';
import { realClock } from '../../../lab/world/clock.js';
import { FASTEST } from '../../../lab/world/durations.js';
import { EventLog } from '../../../lab/world/events.js';
import { Faults } from '../../../lab/world/faults.js';
import { LabNetwork } from '../../../lab/world/network.js';
import type { World } from '../../../lab/world/world.js';

const TOKEN = 'root@pam!prox-ops=11111111-2222-3333-4444-555555555555';
export const IMAGE_URL = 'http://factory.test/image/nocloud-amd64.raw';

/** The emulated Proxmox VE on loopback, with what a provider needs to reach it. */
export class ProxmoxLab {
  private constructor(
    readonly world: World,
    readonly cluster: ProxmoxCluster,
    private readonly stop: AbortController,
    private readonly server: { close(): Promise<void> },
  ) {}

  static async start(base = 106): Promise<ProxmoxLab> {
    const network = new LabNetwork(base);
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
    const image = { schematic: 'a'.repeat(64), version: 'v1.12.0', size: 2 ** 30 };
    const cluster = new ProxmoxCluster(world, { resolveImage: (url) => (url === IMAGE_URL ? image : undefined) });
    const authority = await createAuthority({ commonName: 'lab', algorithm: 'ecdsa' });
    const ips = world.inventory.hosts.map(({ address }) => address);
    const tls = await issue(authority, { commonName: 'proxmox', ips });
    writeFileSync(join(directory, 'ca.pem'), authority.crt);
    const server = await startProxmox(world, { cluster, tls, tokens: [TOKEN] });
    return new ProxmoxLab(world, cluster, stop, server);
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

  /** Every request that changed something since the last call, as METHOD path. */
  writes(): string[] {
    const all = this.world.events.all();
    const fresh = all.slice(this.seen);
    this.seen = all.length;
    return fresh.flatMap((event) => (event.type === 'api.write' ? [`${event.method} ${event.path}`] : []));
  }

  private seen = 0;

  async close(): Promise<void> {
    this.stop.abort();
    await this.server.close();
    rmSync(this.world.directory, { recursive: true, force: true });
  }
}
