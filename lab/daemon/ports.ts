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
    { what: 'the image factory', address: control, port: ports.imageFactory },
    ...inventory.hosts.map(({ name, address }) => ({ what: `Proxmox ${name}`, address, port: ports.proxmox })),
  ];
  const problems = await Promise.all(places.map(problem));
  const found = problems.filter((text) => text !== undefined);
  if (found.length === 0) return;
  throw new LabError(
    `expected these free on 127.${network.base}.0.0/16: ${found.join('; ')}. ` +
      'Stop what listens there (another lab?) or choose another network with --base',
    EXIT.occupied,
  );
}

async function problem({ what, address, port }: Place): Promise<string | undefined> {
  const server = createServer();
  try {
    await once(server.listen({ host: address, port, exclusive: true }), 'listening');
    await new Promise((resolve) => server.close(resolve));
    return undefined;
  } catch (error) {
    const { code = String(error) } = error as NodeJS.ErrnoException;
    const who = code === 'EADDRINUSE' ? `held by ${whoListens(address, port)}` : code;
    return `${address}:${port} for ${what}, ${who}`;
  }
}
