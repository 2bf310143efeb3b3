import { once } from 'node:events';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { FASTEST } from '../../../lab/world/durations.js';
import type { Durations } from '../../../lab/world/durations.js';
import { EventLog, type Recorded, type WorldEvent } from '../../../lab/world/events.js';
import { Faults } from '../../../lab/world/faults.js';
import type { Machine, World } from '../../../lab/world/world.js';
import type { Clock } from '../../../lab/world/clock.js';
import { LinstorController, startLinstor } from '../../../lab/linstor/index.js';
import { testAddress, testNetwork } from '../../support/network';

const GIB = 1024 ** 3;

/** Time that passes only when the test says so. */
export class ManualClock implements Clock {
  private time = Date.UTC(2026, 10, 21, 14);
  private timers: { at: number; wake: () => void; fail: (reason: unknown) => void }[] = [];

  now(): number {
    return this.time;
  }

  delay(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = { at: this.time + ms, wake: resolve, fail: reject };
      this.timers.push(timer);
      signal?.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError')), { once: true });
    });
  }

  /** Lets `ms` pass, waking who waits in order, each before the next. */
  async advance(ms: number): Promise<void> {
    const end = this.time + ms;
    await turns();
    for (;;) {
      const next = this.timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.timers.splice(this.timers.indexOf(next), 1);
      this.time = Math.max(this.time, next.at);
      next.wake();
      await turns();
    }
    this.time = end;
    await turns();
  }
}

/** Lets everything run that is ready to. */
async function turns(): Promise<void> {
  for (let i = 0; i < 3; i += 1) await new Promise((resolve) => setImmediate(resolve));
}

export interface Entry {
  /** Exact digits. */
  ret_code: string;
  message: string;
  cause?: string;
  details?: string;
  correction?: string;
  created_at?: string;
  error_report_ids?: string[];
  obj_refs?: Record<string, string>;
}

export interface Answer<T = Entry[]> {
  status: number;
  headers: NodeJS.Dict<string | string[]>;
  text: string;
  body: T;
}

/** 1 GiB takes a second, a satellite half a second to come up; PUT evacuate answers at once in virtual time. */
const DURATIONS: Durations = { ...FASTEST, satellite: 0, syncPerGib: 1000 };

/** A LINSTOR controller with its REST API on loopback, in virtual time. */
export class Lab {
  readonly clock = new ManualClock();
  readonly faults = new Faults();
  readonly events = new EventLog(() => this.clock.now());
  readonly world: World;
  readonly controller: LinstorController;
  private readonly abort = new AbortController();
  private stop: () => Promise<void> = () => Promise.resolve();
  port = 0;
  readonly address = testAddress(104, '0.1');

  private constructor(durations: Partial<Durations>) {
    this.world = {
      clock: this.clock,
      durations: { ...DURATIONS, ...durations },
      events: this.events,
      faults: this.faults,
      network: testNetwork(104),
      inventory: { hosts: [], storages: [] },
      directory: '/nonexistent',
      signal: this.abort.signal,
    };
    this.controller = new LinstorController(this.world);
  }

  static async start(nodes: string[] = [], durations: Partial<Durations> = {}): Promise<Lab> {
    const lab = new Lab(durations);
    lab.port = await freePort(lab.address);
    const server = await startLinstor(lab.world, lab.controller, { address: lab.address, port: lab.port });
    lab.stop = () => server.close();
    for (const node of nodes) lab.controller.satelliteUp(machine(node));
    await lab.clock.advance(0);
    return lab;
  }

  async close(): Promise<void> {
    this.abort.abort();
    await this.stop();
  }

  /** One request; every number beyond 2^53 among ret_codes and capacities arrives as its exact digits. */
  async call<T = Entry[]>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer<T>> {
    const text = typeof body === 'string' ? body : body === undefined ? undefined : JSON.stringify(body);
    const sent = request({ host: this.address, port: this.port, method, path, headers, agent: false });
    sent.end(text);
    const [response] = (await once(sent, 'response')) as [import('node:http').IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
    const received = Buffer.concat(chunks).toString();
    return {
      status: response.statusCode ?? 0,
      headers: response.headers,
      text: received,
      body: (response.headers['content-type'] === 'application/json' && received !== ''
        ? exact(received)
        : received) as T,
    };
  }

  get<T>(path: string): Promise<Answer<T>> {
    return this.call<T>('GET', path);
  }

  /** Replicas of a resource as `node -> flags and state`, through the REST API. */
  async replicas(resource: string): Promise<Record<string, string>> {
    const { body } = await this.get<Resource[]>(`/v1/view/resources?resources=${resource}`);
    return Object.fromEntries(body.map((item) => [item.node_name, describe(item)]));
  }

  async resource(name: string, node: string): Promise<Resource> {
    const { body } = await this.get<Resource[]>(`/v1/view/resources?resources=${name}&nodes=${node}`);
    if (!body[0]) throw new Error(`no replica of ${name} on ${node}`);
    return body[0];
  }

  eventsOf<T extends WorldEvent['type']>(type: T): Extract<Recorded, { type: T }>[] {
    return this.events.all().filter((event) => event.type === type) as Extract<Recorded, { type: T }>[];
  }
}

function describe(item: Resource): string {
  const state = item.volumes[0]?.state?.disk_state ?? 'unknown';
  return [...(item.flags ?? []), state].join(' ');
}

export interface Resource {
  name: string;
  node_name: string;
  flags?: string[];
  props: Record<string, string>;
  state?: { in_use?: boolean };
  layer_object: {
    type: string;
    drbd?: {
      tcp_ports: number[];
      may_promote?: boolean;
      promotion_score?: number;
      connections?: Record<string, { connected: boolean; message: string }>;
    };
  };
  volumes: {
    storage_pool_name: string;
    provider_kind: string;
    allocated_size_kib: number;
    state?: {
      disk_state: string;
      replication_states?: Record<string, { replication_state: string; done_percentage?: number }>;
    };
  }[];
}

function exact(text: string): unknown {
  return JSON.parse(text.replace(/("ret_code":|:(?=-?\d{16,}))(-?\d+)/g, '$1"$2"')) as unknown;
}

/** A machine with a system disk of 30 GiB and, unless said otherwise, one data disk of 100 GiB. */
export function machine(node: string, generation = 1, dataGib: number[] = [100]): Machine {
  const state = {};
  const disks = [30, ...dataGib].map((gib, index) => ({
    slot: `scsi${index}`,
    volid: `local:vm-100-disk-${index}`,
    bytes: gib * GIB,
    content: { state },
  }));
  const uuid = '00000000-0000-4000-8000-000000000001';
  const hardware = {
    vmid: 100,
    generation,
    name: node,
    host: 'host-1',
    uuid,
    nics: [],
    ipConfigs: [],
    disks,
    memory: 8 * GIB,
    cores: 4,
    pci: [],
  };
  return {
    vmid: 100,
    generation,
    node,
    address: testAddress(104, '67.21'),
    role: 'worker',
    stage: 'running',
    talosVersion: 'v1.12.0',
    schematic: 'a'.repeat(64),
    extensions: ['siderolabs/drbd'],
    kubelet: 'v1.34.1',
    staticPods: '',
    nodeLabels: {},
    nodeTaints: {},
    uuid,
    bootId: uuid,
    hardware,
  };
}

async function freePort(address: string): Promise<number> {
  const probe = createServer();
  probe.listen(0, address);
  await once(probe, 'listening');
  const { port } = probe.address() as { port: number };
  probe.close();
  await once(probe, 'close');
  return port;
}

/** Runs a test in a lab of its own, which ends with it however it ends. */
export async function withLab(
  nodes: string[],
  test: (lab: Lab) => Promise<void>,
  durations: Partial<Durations> = {},
): Promise<void> {
  const lab = await Lab.start(nodes, durations);
  try {
    await test(lab);
  } finally {
    await lab.close();
  }
}
