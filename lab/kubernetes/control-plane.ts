import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { ClusterPki, KeyValue, World } from '../world/world.js';
import * as programs from './arguments.js';
import { Child } from './child.js';
import { Connection } from './connection.js';
import { EtcdStore } from './etcd-store.js';
import { servingCertificate, writePki } from './pki.js';
import { freePorts } from './ports.js';
import { kubeletsConfiguration, type KubeletSettings } from './stages.js';
import type { Timing } from './timing.js';

export const PROGRAMS = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kwok'] as const;
export type Program = (typeof PROGRAMS)[number];
/** Paths of the real programs. */
export type Binaries = Record<Program, string>;

export interface ControlPlaneOptions {
  pki: ClusterPki;
  /** What etcd begins with. */
  contents?: KeyValue[];
  /** Addresses that the API server is reached at, besides those in the configuration. */
  addresses: string[];
  /** An audit policy as YAML text; without it nothing is audited. */
  auditPolicy?: string;
  timing: Timing;
}

/** Where the API server writes its audit log. */
export function auditLogPath(world: World): string {
  return join(world.directory, 'kubernetes', 'audit.log');
}

/** How long an API server may take on a machine that compiles beside it. */
const START_LIMIT = 120_000;
const PROBE_GAP = 100;

/** The running programs of one cluster. Made by `start`, gone after `stop`. */
export class ControlPlane {
  private readonly children: Child[] = [];

  private constructor(
    private readonly world: World,
    private readonly binaries: Binaries,
    private readonly settings: programs.ControlPlaneSettings,
    private readonly directory: string,
    readonly connection: Connection,
    private readonly addresses: Set<string>,
  ) {}

  /**
   * Starts everything and waits for the API server.
   * @throws Error with the last log lines when a program ends early or the API server is not ready in two minutes.
   */
  static async start(world: World, binaries: Binaries, options: ControlPlaneOptions): Promise<ControlPlane> {
    const directory = join(world.directory, 'kubernetes');
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    for (const folder of ['pki', 'etcd']) rmSync(join(directory, folder), { recursive: true, force: true });
    const addresses = new Set([...options.addresses, world.network.control]);
    const settings = await prepare(world, { ...options, addresses: [...addresses] }, directory);
    const connection = new Connection(settings.files.kubeconfigs.kubelets);
    const controlPlane = new ControlPlane(world, binaries, settings, directory, connection, addresses);
    try {
      await controlPlane.run(options.contents ?? []);
      return controlPlane;
    } catch (error) {
      await controlPlane.stop();
      throw error;
    }
  }

  get apiServer(): { host: string; port: number } {
    return { host: this.settings.address, port: this.settings.ports.apiServer };
  }

  /**
   * Another control plane's address becomes a name of the API server. Its certificate is written anew; the real program
   * watches the two files and takes them up while it runs.
   */
  async serveAt(address: string): Promise<void> {
    if (this.addresses.has(address)) return;
    this.addresses.add(address);
    const { pki, files } = this.settings;
    const { crt, key } = await servingCertificate(pki, [...this.addresses]);
    writeFileSync(files.serving.crt, crt, { mode: 0o600 });
    writeFileSync(files.serving.key, key, { mode: 0o600 });
  }

  /** Where kwok serves the API of all kubelets. */
  get kubeletServer(): { host: string; port: number } {
    return { host: this.settings.address, port: this.settings.ports.kubelets };
  }

  /** Process ids by program, for measurements. */
  pids(): Partial<Record<Program, number>> {
    return Object.fromEntries(this.children.map((child) => [child.name, child.pid]));
  }

  /** Ends every program, in the reverse of their order, and removes keys and data; the logs stay. */
  async stop(): Promise<void> {
    this.connection.close();
    for (const child of this.children.splice(0).reverse()) await child.stop();
    for (const folder of ['pki', 'etcd']) rmSync(join(this.directory, folder), { recursive: true, force: true });
  }

  /** What the API server keeps its objects in. */
  get etcd(): EtcdStore {
    const { address, ports } = this.settings;
    return new EtcdStore(`http://${address}:${ports.etcd}`);
  }

  private async run(contents: KeyValue[]): Promise<void> {
    this.launch('etcd', programs.etcdArguments(this.settings));
    if (contents.length > 0) await this.fill(contents);
    this.launch('kube-apiserver', programs.apiServerArguments(this.settings));
    await this.ready();
    this.launch('kube-controller-manager', programs.controllerManagerArguments(this.settings));
    this.launch('kube-scheduler', programs.schedulerArguments(this.settings));
    this.launch('kwok', programs.kubeletsArguments(this.settings));
  }

  private launch(name: Program, args: string[]): void {
    const onDeath = (message: string): void => this.world.events.emit({ type: 'lab.failure', part: name, message });
    this.children.push(new Child({ name, binary: this.binaries[name], args, directory: this.directory, onDeath }));
  }

  /** Before the API server starts, which would write objects of its own first. */
  private async fill(contents: KeyValue[]): Promise<void> {
    await this.until(() => this.etcd.probe());
    await this.etcd.put(contents);
  }

  /** A process tells nothing when it is ready but by answering, so it is asked. */
  private ready(): Promise<void> {
    return this.until(() => this.connection.probe('/readyz'));
  }

  /** @param probe of the program started last: ok, or what was found instead. */
  private async until(probe: () => Promise<string>): Promise<void> {
    const deadline = Date.now() + START_LIMIT;
    for (;;) {
      for (const child of this.children) child.assertAlive();
      const found = await probe();
      if (found === 'ok') return;
      if (Date.now() > deadline) {
        const name = this.children.at(-1)?.name ?? '';
        throw new Error(
          `${name}: expected it ready within ${START_LIMIT / 1000} s, found: ${found}; ` +
            `see ${join(this.directory, `${name}.log`)}`,
        );
      }
      await this.world.clock.delay(PROBE_GAP, this.world.signal);
    }
  }
}

/** Everything on disk that the programs read. */
async function prepare(
  world: World,
  { pki, addresses, auditPolicy, timing }: ControlPlaneOptions,
  directory: string,
): Promise<programs.ControlPlaneSettings> {
  const address = world.network.control;
  const [etcd, etcdPeer, apiServer, kubelets] = (await freePorts(address, 4)) as [number, number, number, number];
  const files = await writePki({
    pki,
    directory: join(directory, 'pki'),
    server: `https://${address}:${apiServer}`,
    addresses,
  });
  const write = (name: string, text: string): string => {
    const path = join(directory, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  const yaml = (...documents: object[]): string => documents.map((document) => stringify(document)).join('---\n');
  const kubelet: KubeletSettings = {
    durations: world.durations,
    timing,
    serverAddress: `${address}:${kubelets}`,
    tls: files.kubelet,
    linstor: { address, port: world.network.ports.linstor },
  };
  return {
    pki,
    files,
    timing,
    address,
    ports: { etcd, etcdPeer, apiServer, kubelets },
    etcdData: join(directory, 'etcd'),
    schedulerConfig: write('scheduler.yaml', yaml(programs.schedulerConfiguration(files))),
    kubeletsConfig: write('kubelets.yaml', yaml(...kubeletsConfiguration(kubelet))),
    ...(auditPolicy === undefined
      ? {}
      : { audit: { policy: write('audit-policy.yaml', auditPolicy), log: auditLogPath(world) } }),
  };
}
