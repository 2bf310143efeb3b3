import { LabDirectory } from './directory.js';
import { Closers } from './closers.js';
import { endLeftovers } from './leftovers.js';
import { checkPorts } from './ports.js';
import { claim, labState, release, alreadyRunning, type LabRecord } from './record.js';
import { makeCredentials } from './credentials.js';
import { compose, type Composition } from './compose.js';
import { ControlServer } from './control-server.js';
import { labEnvironment, resolveEnvironment, type LabEnvironment } from './environment.js';
import { FaultDesk } from './fault-desk.js';
import { routes } from './routes.js';
import { labStatus, type LabStatus } from './status.js';
import { productionInventory } from '../inventory/production.js';
import { LAB_STACK } from '../inventory/project.js';
import type { Judgement, SafetyMonitor } from '../monitor/index.js';
import { labRoot, launchersDirectory, type ToolName } from '../tools/index.js';
import type { Durations } from '../world/durations.js';
import type { Inventory } from '../world/inventory.js';
import { LabNetwork } from '../world/network.js';
import type { World } from '../world/world.js';
import { join } from 'node:path';

export interface LabOptions {
  /** Shown to people, and part of the commands in messages. */
  name: string;
  directory: string;
  /** The lab lives on 127.BASE.0.0/16. */
  base: number;
  durations: 'fastest' | 'realistic' | Durations;
  /** Names of the nodes that make the cluster complete. */
  nodes: readonly string[];
  /** Users of whom the API server's audit log has every request. */
  auditedUsers?: readonly string[] | undefined;
  /** Absolute paths of the programs. */
  tools: Record<ToolName, string>;
  /** The stack that PULUMI_STACK names in the lab's environment; 'lab' by default. */
  stack?: string;
  /** The production cluster's hypervisors by default. */
  inventory?: Inventory;
}

/** A running lab. */
export interface Lab {
  readonly directory: LabDirectory;
  readonly world: World;
  readonly parts: Composition;
  readonly monitor: SafetyMonitor;
  readonly faults: FaultDesk;
  /** What a shell needs; no secrets. */
  readonly environment: LabEnvironment;
  /** The environment of a child process that works against the lab, on top of this process' own. It holds secrets. */
  processEnvironment(base?: NodeJS.ProcessEnv): NodeJS.ProcessEnv;
  status(): LabStatus;
  /** Resolves when the cluster was complete and furnished for the first time, and the monitor armed. */
  armed(): Promise<void>;
  /** Stops everything. @returns the monitor's final judgement. */
  close(): Promise<Judgement>;
}

/**
 * Brings a lab up: hypervisors without any VM, an image factory, a storage controller, and the monitor that watches.
 * @param signal aborts the start; a lab that is up is ended by `close`.
 * @throws LabError when it is running already, or something holds its addresses; nothing is left running then.
 */
export async function startLab(options: LabOptions, signal?: AbortSignal): Promise<Lab> {
  const directory = new LabDirectory(options.directory);
  const found = labState(directory);
  if (found.state === 'running') throw alreadyRunning(found.record);
  directory.create();
  await endLeftovers(directory);
  const closers = new Closers();
  try {
    return await start(options, directory, closers, signal);
  } catch (error) {
    await closers.close();
    throw error;
  }
}

async function start(
  options: LabOptions,
  directory: LabDirectory,
  closers: Closers,
  signal: AbortSignal | undefined,
): Promise<Lab> {
  const network = new LabNetwork(options.base);
  const inventory = options.inventory ?? productionInventory(network);
  const record = claim(directory, options.name, options.base);
  closers.add(() => release(directory));
  await checkPorts(network, inventory);
  directory.clear();
  const credentials = await makeCredentials(directory);
  closers.add(() => directory.forgetSecrets());
  const parts = await compose({ ...options, directory, network, inventory, credentials }, closers);
  const lab = new RunningLab(
    directory,
    record,
    parts,
    closers,
    environmentOf(options, directory, parts.world),
    options,
  );
  const server = new ControlServer(credentials.controlToken, routes(lab));
  closers.add(() => server.close());
  await server.listen(network.control, network.ports.lab);
  signal?.throwIfAborted();
  return lab;
}

class RunningLab implements Lab {
  readonly world: World;
  readonly monitor: SafetyMonitor;
  readonly faults: FaultDesk;

  constructor(
    readonly directory: LabDirectory,
    private readonly record: LabRecord,
    readonly parts: Composition,
    private readonly closers: Closers,
    readonly environment: LabEnvironment,
    options: LabOptions,
  ) {
    this.world = parts.world;
    this.monitor = parts.monitor;
    this.faults = new FaultDesk(parts.world.faults, {
      nodes: () => [...new Set([...options.nodes, ...parts.board.machines().map(({ node }) => node)])],
      hosts: () => parts.world.inventory.hosts.map(({ name }) => name),
    });
  }

  processEnvironment(base: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
    return resolveEnvironment(this.environment, base);
  }

  status(): LabStatus {
    return labStatus(this.record, this.parts);
  }

  armed(): Promise<void> {
    return this.parts.armed;
  }

  /** The monitor first: that the lab takes its own world down is nobody's violation. */
  async close(): Promise<Judgement> {
    const judgement = await this.monitor.close();
    await this.closers.close();
    return judgement;
  }
}

function environmentOf(
  { tools, stack = LAB_STACK }: LabOptions,
  directory: LabDirectory,
  world: World,
): LabEnvironment {
  const [host] = world.inventory.hosts;
  return labEnvironment({
    directory,
    stack,
    programs: [tools.pulumi, tools.talosctl, tools.kubectl],
    folders: [launchersDirectory(), join(labRoot(), 'plugins', 'bin')],
    proxmoxEndpoint: `https://${host?.address}:${world.network.ports.proxmox}`,
    // Real plugins look once a second; where a clone takes less than that, they would only wait.
    pluginPoll: Math.max(15, Math.min(1000, world.durations.clone)),
  });
}
