import { join } from 'node:path';
import { Board } from './board.js';
import type { Closers } from './closers.js';
import type { Credentials } from './credentials.js';
import type { LabDirectory } from './directory.js';
import { ObservedKubernetes } from './observed-kubernetes.js';
import { machineSecrets } from './secrets.js';
import { ServiceWatch } from './service.js';
import { makeWorld, type WorldOptions } from './world.js';
import { KubernetesCluster, LAB_USERS, PROGRAMS } from '../kubernetes/index.js';
import { LinstorController, startLinstor } from '../linstor/index.js';
import { auditPolicy, SafetyMonitor } from '../monitor/index.js';
import { ProxmoxCluster, startProxmox } from '../proxmox/index.js';
import { SystemDisk } from '../talos/disk.js';
import { ImageFactory, TalosFleet } from '../talos/index.js';
import type { ToolName } from '../tools/index.js';
import { issue } from '../world/certificates.js';
import type { Machine, World } from '../world/world.js';

/** How often files and process lists are looked through for secrets, besides on events; milliseconds. */
const SCAN_INTERVAL = 1_000;

export interface CompositionOptions extends WorldOptions {
  credentials: Credentials;
  nodes: readonly string[];
  /** Users of whom the API server's audit log has every request. */
  auditedUsers?: readonly string[] | undefined;
  tools: Record<ToolName, string>;
}

/** The parts of a lab, in one world. */
export interface Composition {
  world: World;
  board: Board;
  monitor: SafetyMonitor;
  images: ImageFactory;
  proxmox: ProxmoxCluster;
  talos: TalosFleet;
  linstor: LinstorController;
  kubernetes: KubernetesCluster;
  /** Resolves when the cluster is in service: complete, furnished, watched. */
  armed: Promise<void>;
}

/** Makes the parts, ties them together and puts their APIs up. What is begun ends with `closers`. */
export async function compose(options: CompositionOptions, closers: Closers): Promise<Composition> {
  const world = makeWorld(options, closers);
  // Before every other listener: a part that answers an event with another one must not overtake it.
  const monitor = makeMonitor(world, options.directory, options.credentials);
  closers.add(() => monitor.close());
  const board = new Board();
  world.events.subscribe((event) => board.apply(event));
  const parts = tieTogether(world, monitor, options, closers);
  tellMachineSecrets(world, monitor, (node) => parts.talos.byNode(node));
  await listen(world, parts, options.credentials, closers);
  return { world, board, monitor, ...parts };
}

type Parts = Omit<Composition, 'world' | 'board' | 'monitor'>;

/** The parts know each other both ways round, so some are handed over as functions. */
function tieTogether(
  world: World,
  monitor: SafetyMonitor,
  { tools, nodes, auditedUsers }: CompositionOptions,
  closers: Closers,
): Parts {
  const images = new ImageFactory(world);
  const proxmox = new ProxmoxCluster(world, { resolveImage: (url) => images.resolveImage(url) });
  const linstor = new LinstorController(world);
  const kubernetes: KubernetesCluster = new KubernetesCluster(world, {
    machines: () => talos,
    storage: linstor,
    binaries: tools,
    auditPolicy: auditPolicy(auditedUsers ?? []),
  });
  closers.add(() => kubernetes.close());
  const service = new ServiceWatch({
    world,
    monitor,
    linstor,
    nodes,
    kubernetes: () => kubernetes,
    machine: (node) => talos.byNode(node),
  });
  const talos: TalosFleet = new TalosFleet(world, {
    hypervisors: proxmox,
    kubernetes: new ObservedKubernetes(kubernetes, service),
    storage: linstor,
    images,
    talosctl: tools.talosctl,
  });
  closers.add(() => talos.close());
  return { images, proxmox, talos, linstor, kubernetes, armed: service.armed };
}

function makeMonitor(world: World, directory: LabDirectory, credentials: Credentials): SafetyMonitor {
  const monitor = new SafetyMonitor({
    events: world.events,
    now: () => world.clock.now(),
    verdictFile: directory.verdict,
    auditLog: join(directory.kubernetes, 'audit.log'),
    labUsers: LAB_USERS,
    scanInterval: SCAN_INTERVAL,
  });
  monitor.addSecret({ label: 'Proxmox API token', value: credentials.proxmoxToken });
  monitor.addSecret({ label: "token of the lab's own API", value: credentials.controlToken });
  // The other files of the control plane are its keys.
  const programLogs = PROGRAMS.map((program) => join(directory.kubernetes, `${program}.log`));
  monitor.addFiles(
    directory.events,
    directory.log,
    directory.logs,
    join(directory.kubernetes, 'audit.log'),
    ...programLogs,
  );
  return monitor;
}

/** Each time a cluster's secrets come up for the first time, the monitor learns what to look for. */
function tellMachineSecrets(
  world: World,
  monitor: SafetyMonitor,
  machine: (node: string) => Machine | undefined,
): void {
  const known = new Set<string>();
  let fingerprint = '';
  world.events.on('talos.identity', (event) => (fingerprint = event.fingerprint));
  world.events.on('machine.running', ({ node, role }) => {
    const key = `${fingerprint} ${role}`;
    const hardware = known.has(key) ? undefined : machine(node)?.hardware;
    const configuration = hardware && SystemDisk.of(hardware)?.configuration;
    if (configuration === undefined) return;
    known.add(key);
    for (const secret of machineSecrets(configuration)) monitor.addSecret(secret);
  });
}

async function listen(world: World, parts: Parts, credentials: Credentials, closers: Closers): Promise<void> {
  const { network, inventory } = world;
  await parts.images.start();
  closers.add(() => parts.images.close());
  const tls = await issue(credentials.authority, {
    commonName: inventory.hosts[0]?.name ?? 'pve',
    dns: inventory.hosts.map(({ name }) => name),
    ips: inventory.hosts.map(({ address }) => address),
  });
  const proxmox = await startProxmox(world, { cluster: parts.proxmox, tls, tokens: [credentials.proxmoxToken] });
  closers.add(() => proxmox.close());
  const where = { address: network.control, port: network.ports.linstor };
  const linstor = await startLinstor(world, parts.linstor, where);
  closers.add(() => linstor.close());
}
