import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Inventory } from '../world/inventory.js';
import type { LabNetwork } from '../world/network.js';
import { EXIT, LabError } from './errors.js';
import { whoListens } from './process-id.js';

interface Place {
  what: string;
  address: string;
  port: number;
}

/**
 * Makes sure that nobody holds what the lab is going to listen on, so that the message can say who does.
 * @throws LabError naming every place that is taken.
 */
export async function checkPorts(network: LabNetwork, inventory: Inventory): Promise<void> {
  const { control, ports } = network;
  const places: Place[] = [
    { what: "the lab's own API", address: control, port: ports.lab },
    { what: 'LINSTOR', address: control, port: ports.linstor },
    { what: "the cluster's ingress", address: control, port: ports.ingress },
    { what: 'the image factory', address: control, port: ports.imageFactory },
    ...inventory.hosts.map(({ name, address }) => ({ what: `Proxmox ${name}`, address, port: ports.proxmox })),
  ];
  const held = new Map<string, string[]>();
  for (const { what, address, port } of places) {
    const holder = await holderOf(address, port);
    if (holder !== undefined) held.set(holder, [...(held.get(holder) ?? []), `${address}:${port} (${what})`]);
  }
  if (held.size === 0) return;
  const found = [...held].map(([holder, list]) => `${holder} holds ${list.join(', ')}`);
  throw new LabError(
    `expected the lab's addresses on 127.${network.base}.0.0/16 free, found: ${found.join('; ')}. ` +
      'Stop that (another lab?) or choose another network with --base',
    EXIT.occupied,
  );
}

/** Who keeps us from listening there; undefined: nobody. */
async function holderOf(address: string, port: number): Promise<string | undefined> {
  const server = createServer();
  try {
    await once(server.listen({ host: address, port, exclusive: true }), 'listening');
    await new Promise((resolve) => server.close(resolve));
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EADDRINUSE') throw error;
    return whoListens(address, port);
  }
}
