import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { productionInventory } from '../../../lab/inventory/production.js';
import { ProxmoxCluster, startProxmox, type ImageSource } from '../../../lab/proxmox/index.js';
import { createAuthority, issue, type Authority } from '../../../lab/world/certificates.js';
import type { Clock } from '../../../lab/world/clock.js';
import { FASTEST, type Durations } from '../../../lab/world/durations.js';
import { EventLog, type Recorded, type WorldEvent } from '../../../lab/world/events.js';
import { Faults } from '../../../lab/world/faults.js';
import type { Inventory } from '../../../lab/world/inventory.js';
import type { World } from '../../../lab/world/world.js';
import { testBase, testNetwork } from '../../support/network';

export const TOKEN = 'root@pam!prox-ops=11111111-2222-3333-4444-555555555555';
export const USER = 'root@pam!prox-ops';
export const IMAGE_BYTES = 5 * 2 ** 30;

export interface Answer {
  status: number;
  reason: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- whatever the API answers; each test knows what
  data: any;
  body: { errors?: Record<string, string>; message?: string; total?: number };
}

type Params = Record<string, string | number | string[]>;

/** A cluster on loopback with its HTTPS API, for one test file or test. */
export class Lab {
  private readonly agent: Agent;

  private constructor(
    readonly world: World,
    readonly cluster: ProxmoxCluster,
    authority: Authority,
    private readonly server: { close(): Promise<void> },
    private readonly stop: AbortController,
  ) {
    this.agent = new Agent({ keepAlive: true, ca: authority.crt });
  }

  static async start(options: { durations?: Partial<Durations>; speed?: number; inventory?: Partial<Inventory> } = {}) {
    const network = testNetwork(102);
    const stop = new AbortController();
    const clock = acceleratedClock(options.speed ?? 1);
    const world: World = {
      clock,
      durations: { ...FASTEST, ...options.durations },
      events: new EventLog(() => clock.now()),
      faults: new Faults(),
      network,
      inventory: { ...productionInventory(network), ...options.inventory },
      directory: mkdtempSync(join(tmpdir(), 'proxmox-test-')),
      signal: stop.signal,
    };
    const cluster = new ProxmoxCluster(world, { resolveImage });
    const authority = await createAuthority({ commonName: 'lab', algorithm: 'ecdsa' });
    const ips = world.inventory.hosts.map(({ address }) => address);
    const tls = await issue(authority, { commonName: 'proxmox', ips });
    const server = await startProxmox(world, { cluster, tls, tokens: [TOKEN] });
    return new Lab(world, cluster, authority, server, stop);
  }

  async close(): Promise<void> {
    this.stop.abort();
    this.agent.destroy();
    await this.server.close();
    rmSync(this.world.directory, { recursive: true });
  }

  get events(): WorldEvent[] {
    return [...this.world.events.all()];
  }

  /** Events of some types, without their time and number. */
  story(...types: WorldEvent['type'][]): string[] {
    return this.world.events
      .all()
      .filter(({ type }) => types.includes(type))
      .map((event) =>
        [event.type, 'name' in event ? event.name : '', 'how' in event ? event.how : ''].join(' ').trim(),
      );
  }

  /** One request, to any host. GET and DELETE carry their parameters in the query, the others in a form. */
  call(method: string, path: string, params: Params = {}, options: { token?: string | null; host?: string } = {}) {
    const form = new URLSearchParams(
      Object.entries(params).flatMap(([key, value]) =>
        [value].flat().map((one): [string, string] => [key, String(one)]),
      ),
    ).toString();
    const inQuery = method === 'GET' || method === 'DELETE';
    const hosts = this.world.inventory.hosts;
    const host = hosts.find(({ name }) => name === options.host) ?? hosts[0]!;
    const token = options.token === undefined ? TOKEN : options.token;
    const query = inQuery && form !== '' ? `${path.includes('?') ? '&' : '?'}${form}` : '';
    return new Promise<Answer>((resolve, reject) => {
      const req = request({
        host: host.address,
        port: this.world.network.ports.proxmox,
        method,
        path: `/api2/json/${path}${query}`,
        agent: this.agent,
        headers: {
          ...(token === null ? {} : { Authorization: `PVEAPIToken=${token}` }),
          ...(inQuery ? {} : { 'Content-Type': 'application/x-www-form-urlencoded' }),
        },
      });
      req.on('error', reject).on('response', (res) => {
        let text = '';
        res.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        res.on('error', reject).on('end', () => {
          const body = text === '' ? {} : (JSON.parse(text) as Answer['body'] & { data?: unknown });
          resolve({ status: res.statusCode ?? 0, reason: res.statusMessage ?? '', data: body.data, body });
        });
      });
      req.end(inQuery ? '' : form);
    });
  }

  get(path: string, params: Params = {}): Promise<Answer> {
    return this.call('GET', path, params);
  }

  /** A call that must succeed. @throws Error with the refusal otherwise. */
  async ok(method: string, path: string, params: Params = {}) {
    const answer = await this.call(method, path, params);
    if (answer.status !== 200) {
      throw new Error(
        `${method} ${path}: ${answer.status} ${answer.reason} ${JSON.stringify(answer.body.errors ?? {})}`,
      );
    }
    return answer.data;
  }

  /** A call that answers a UPID; resolves with the task's exit status. */
  async task(method: string, path: string, params: Params = {}): Promise<string> {
    return await this.ended((await this.ok(method, path, params)) as string);
  }

  /** Waits for a task's end. */
  async ended(upid: string): Promise<string> {
    const ofTask = (event: Recorded): event is Extract<Recorded, { type: 'proxmox.task' }> =>
      event.type === 'proxmox.task' && event.upid === upid;
    const past = this.world.events.all().find(ofTask);
    if (past) return past.exitstatus;
    return await new Promise((resolve) => {
      const stop = this.world.events.on('proxmox.task', (event) => {
        if (!ofTask(event)) return;
        stop();
        resolve(event.exitstatus);
      });
    });
  }
}

/** The image factory's URLs: .../image/<schematic>/<version>/nocloud-amd64.raw */
function resolveImage(url: string): ImageSource | undefined {
  const match = new RegExp(
    String.raw`^http://127\.${testBase(102)}\.0\.1:8080/image/(\w+)/(v[\d.]+)/nocloud-amd64\.raw$`,
  ).exec(url);
  return match ? { schematic: match[1]!, version: match[2]!, size: IMAGE_BYTES } : undefined;
}

export function imageUrl(version: string, schematic = 'abc123'): string {
  return `http://127.${testBase(102)}.0.1:8080/image/${schematic}/${version}/nocloud-amd64.raw`;
}

/** Real time, run faster: what takes a minute in the world takes 60 ms at speed 1000. */
function acceleratedClock(speed: number): Clock {
  const start = Date.now();
  return {
    now: () => start + (Date.now() - start) * speed,
    delay: async (ms, signal) => {
      await sleep(ms / speed, undefined, signal ? { signal } : undefined);
    },
  };
}
