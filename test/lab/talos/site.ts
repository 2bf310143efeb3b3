import { execFile, type ExecFileException } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureTools } from '../../../lab/tools/index.js';
import { ImageFactory } from '../../../lab/talos/factory/image-factory.js';
import { TalosFleet } from '../../../lab/talos/fleet.js';
import { realClock } from '../../../lab/world/clock.js';
import { FASTEST, type Durations } from '../../../lab/world/durations.js';
import { EventLog, type Recorded, type WorldEvent } from '../../../lab/world/events.js';
import { Faults } from '../../../lab/world/faults.js';
import type { World } from '../../../lab/world/world.js';
import { FakeHypervisors, FakeKubernetes, FakeStorage } from './fakes.js';
import { testBase, testNetwork } from '../../support/network';

export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

export const VERSION = 'v1.13.0';
/** Of the schematic with drbd and the guest agent. */
const EXTENSIONS =
  'customization:\n  systemExtensions:\n    officialExtensions: [siderolabs/drbd, siderolabs/qemu-guest-agent]\n';

/** A fleet with stand-ins for the rest of the lab, and the real talosctl with secrets of its own. */
export class Site {
  readonly over = new AbortController();
  readonly world: World;
  readonly hypervisors: FakeHypervisors;
  readonly kubernetes: FakeKubernetes;
  readonly storage = new FakeStorage();
  readonly images: ImageFactory;
  readonly fleet: TalosFleet;
  readonly schematic: string;
  private talosconfig = '';

  private constructor(
    readonly directory: string,
    readonly talosctlPath: string,
    durations: Durations,
  ) {
    const signal = this.over.signal;
    this.world = {
      clock: realClock,
      durations,
      events: new EventLog(Date.now),
      faults: new Faults(),
      network: testNetwork(103),
      inventory: { hosts: [], storages: [] },
      directory,
      signal,
    };
    this.hypervisors = new FakeHypervisors(this.world);
    this.kubernetes = new FakeKubernetes(this.world);
    this.images = new ImageFactory(this.world);
    this.schematic = this.images.register(EXTENSIONS);
    const { hypervisors, kubernetes, storage, images } = this;
    this.fleet = new TalosFleet(this.world, { hypervisors, kubernetes, storage, images, talosctl: talosctlPath });
  }

  static async open(durations: Durations = FASTEST): Promise<Site> {
    const { talosctl } = await ensureTools(['talosctl']);
    const site = new Site(mkdtempSync(join(tmpdir(), 'talos-test-')), talosctl, durations);
    await site.generate();
    return site;
  }

  async close(): Promise<void> {
    await this.fleet.close();
    this.over.abort();
    rmSync(this.directory, { recursive: true, force: true });
  }

  address(last: number): string {
    return `127.${testBase(103)}.67.${last}`;
  }

  file(name: string): string {
    return join(this.directory, name);
  }

  read(name: string): string {
    return readFileSync(this.file(name), 'utf8');
  }

  /** A VM with a Talos disk, switched on. */
  start(name: string, last: number, options: Partial<Parameters<FakeHypervisors['create']>[0]> = {}): number {
    const image = { schematic: this.schematic, version: VERSION };
    return this.hypervisors.start(this.hypervisors.create({ name, address: this.address(last), image, ...options }));
  }

  /** A node's machine configuration, from the site's secrets. */
  configuration(name: string, role: 'controlplane' | 'worker'): string {
    const file = this.file(`${name}.yaml`);
    const base = this.read(`generated/${role}.yaml`);
    writeFileSync(file, base.replace('hostname: placeholder', `hostname: ${name}`));
    return file;
  }

  private async generate(): Promise<void> {
    const hostname = 'apiVersion: v1alpha1\nkind: HostnameConfig\nhostname: placeholder\nauto: off\n';
    writeFileSync(this.file('hostname.patch'), hostname);
    await this.ok('gen', 'secrets', '-o', this.file('secrets.yaml'));
    await this.ok(
      ...['gen', 'config', 'lab', `https://${this.address(20)}:6443`, '--with-secrets', this.file('secrets.yaml')],
      ...['--kubernetes-version', '1.34.1', '--config-patch', `@${this.file('hostname.patch')}`],
      ...['--output-dir', this.file('generated')],
    );
    const talosconfig = this.file('generated/talosconfig');
    await this.ok('config', 'endpoint', this.address(1), '--talosconfig', talosconfig);
    this.talosconfig = talosconfig;
  }

  /** Control planes from .1 on, workers at the addresses after them, up and in one etcd cluster. */
  async cluster(workers = 1, controlPlanes = 3): Promise<void> {
    const all = Array.from({ length: controlPlanes + workers }, (_, index) =>
      index < controlPlanes
        ? { name: `control-${index + 1}`, last: index + 1, role: 'controlplane' as const }
        : { name: `worker-${index - controlPlanes + 1}`, last: index + 1, role: 'worker' as const },
    );
    for (const { name, last, role } of all) this.start(name, last, { dataDisk: role === 'worker' });
    await Promise.all(all.map(({ name, last, role }) => this.configure(name, last, role)));
    await this.until('services run', () => this.fleet.running().length === all.length);
    await this.eventually('bootstrap', '-n', this.address(1));
    await this.until('all are ready', () => this.running().length === all.length && this.voters() === controlPlanes);
  }

  /** Waits for maintenance mode and hands a node its configuration. */
  async configure(name: string, last: number, role: 'controlplane' | 'worker'): Promise<void> {
    const file = this.configuration(name, role);
    await this.until('maintenance mode', () => this.stage(name) === 'maintenance');
    await this.eventually('apply-config', '--insecure', '-n', this.address(last), '-f', file);
  }

  /** Nodes in stage running. */
  running(): string[] {
    return this.fleet
      .running()
      .filter(({ stage }) => stage === 'running')
      .map(({ node }) => node);
  }

  stage(node: string): string | undefined {
    return this.fleet.byNode(node)?.stage;
  }

  voters(): number {
    return this.eventsOf('etcd.member').at(-1)?.voters ?? 0;
  }

  eventsOf<T extends WorldEvent['type']>(type: T): Extract<Recorded, { type: T }>[] {
    return this.world.events.all().filter((event): event is Extract<Recorded, { type: T }> => event.type === type);
  }

  /** The member id of a node as people see it. */
  async memberId(node: string, through = 1): Promise<string | undefined> {
    const { stdout } = await this.ok('etcd', 'members', '-n', this.address(through));
    return stdout
      .split('\n')
      .map((line) => line.split(/\s+/))
      .find((columns) => columns[2] === node)?.[1];
  }

  /** Runs talosctl against the cluster; an error when it fails. */
  async ok(...args: string[]): Promise<Ran> {
    const ran = await this.run(...args);
    if (ran.code !== 0)
      throw new Error(`talosctl ${args.join(' ')} exited with ${ran.code}:\n${ran.stderr}${ran.stdout}`);
    return ran;
  }

  /** Runs talosctl until it succeeds: the machine API may be about to come up. */
  async eventually(...args: string[]): Promise<Ran> {
    for (let left = 50; ; left -= 1) {
      const ran = await this.run(...args);
      if (ran.code === 0) return ran;
      if (left <= 0) throw new Error(`talosctl ${args.join(' ')} kept failing:\n${ran.stderr}`);
      await realClock.delay(50);
    }
  }

  run(...args: string[]): Promise<Ran> {
    const withConfig = this.talosconfig === '' || args.includes('--talosconfig');
    const all = withConfig ? args : [...args, '--talosconfig', this.talosconfig];
    const env = { PATH: process.env['PATH'], HOME: this.directory };
    return new Promise((resolve) => {
      execFile(this.talosctlPath, all, { env, timeout: 30_000 }, (error: ExecFileException | null, stdout, stderr) =>
        resolve({ code: error ? Number(error.code ?? 1) : 0, stdout, stderr }),
      );
    });
  }

  /** Resolves once the world is as described. */
  async until(what: string, condition: () => boolean): Promise<void> {
    const patience = AbortSignal.timeout(10_000);
    while (!condition()) {
      if (patience.aborted) throw new Error(`waited in vain for: ${what}`);
      await realClock.delay(10);
    }
  }
}
