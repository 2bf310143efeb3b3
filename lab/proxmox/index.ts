import type { Server } from 'node:https';
import type { Pem } from '../world/certificates.js';
import type { World } from '../world/world.js';
import type { ProxmoxCluster } from './cluster.js';
import { Router } from './http/router.js';
import { listen } from './http/server.js';
import { clusterRoutes } from './routes/cluster.js';
import { guestRoutes } from './routes/guest.js';
import { mappingRoutes } from './routes/mappings.js';
import { nodeRoutes } from './routes/nodes.js';
import { poolRoutes } from './routes/pools.js';
import { qemuRoutes } from './routes/qemu.js';
import { storageRoutes } from './routes/storage.js';
import { taskRoutes } from './routes/tasks.js';

export { ByHand, type HandMadeVm } from './by-hand.js';
export { ProxmoxCluster } from './cluster.js';
export type { ImageSource, ResolveImage } from './site.js';

export interface ProxmoxOptions {
  cluster: ProxmoxCluster;
  /** The server certificate, for every host's address. */
  tls: Pem;
  /** USER@REALM!ID=UUID each. */
  tokens: string[];
}

/**
 * Puts up the cluster's HTTPS API on every host's address. Any host answers for all of them.
 * @throws Error naming the address when one can't be had; nothing is left listening then.
 */
export async function startProxmox(
  world: World,
  { cluster, tls, tokens }: ProxmoxOptions,
): Promise<{ close(): Promise<void> }> {
  const routes = [
    clusterRoutes,
    nodeRoutes,
    storageRoutes,
    taskRoutes,
    qemuRoutes,
    guestRoutes,
    mappingRoutes,
    poolRoutes,
  ];
  const api = { site: cluster.site, router: new Router(routes.flat()), tokens: cluster.site.tokens };
  for (const token of tokens) cluster.site.tokens.add(token);
  const servers: Server[] = [];
  try {
    for (const host of world.inventory.hosts) servers.push(await listen(api, host, tls));
  } catch (error) {
    await closeAll(servers);
    throw error;
  }
  return { close: () => closeAll(servers) };
}

async function closeAll(servers: Server[]): Promise<void> {
  const closed = servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
  // Kept connections, and requests that a fault leaves without an answer, would keep it open for ever.
  for (const server of servers) server.closeAllConnections();
  await Promise.all(closed);
}
