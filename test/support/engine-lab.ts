import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Lab, startLab } from '../../lab/daemon/lab';
import type { Durations } from '../../lab/world/durations';
import { createLabProject, LAB_STACK } from '../../lab/inventory/project';
import { ensureTools, TOOL_NAMES } from '../../lab/tools/index';
import { testNetwork } from './network';
import { REPOSITORY } from './stack-files';

export interface Finished {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  /** stdout and stderr as they came. */
  output: string;
}

export interface EngineLabOptions {
  /** 127.BASE.0.0/16: every test file has one of its own. */
  base: number;
  nodes: string[];
  rollout?: Record<string, unknown>;
  linstor?: Record<string, unknown>;
  /** Users of whom the API server's audit log has every request. */
  auditedUsers?: string[];
  /** No stack file: the cluster is there before its description. */
  undescribed?: boolean;
  /** As fast as can be when absent. The object is asked each time: it may be changed while the lab runs. */
  durations?: Durations;
}

/** A lab with a project of its own, and the commands a person would run against it, as real child processes. */
export class EngineLab {
  /** For every command, on top of the lab's own environment. */
  readonly environment: Record<string, string> = {};
  private readonly children = new Set<ChildProcess>();

  private constructor(
    readonly lab: Lab,
    readonly project: string,
    private readonly root: string,
  ) {}

  static async start(options: EngineLabOptions): Promise<EngineLab> {
    const root = mkdtempSync(join(tmpdir(), 'prox-ops-engine-'));
    try {
      const tools = await ensureTools(TOOL_NAMES);
      const project = join(root, 'project');
      const network = testNetwork(options.base);
      createLabProject({ ...options, directory: project, repository: REPOSITORY, network });
      const { nodes, auditedUsers } = options;
      const directory = join(root, 'lab');
      const lab = await startLab({
        name: 'test',
        directory,
        base: network.base,
        durations: options.durations ?? 'fastest',
        nodes,
        auditedUsers,
        tools,
        stack: LAB_STACK,
      });
      return new EngineLab(lab, project, root);
    } catch (error) {
      rmSync(root, { recursive: true, force: true });
      throw error;
    }
  }

  get stackFile(): string {
    return join(this.project, `Pulumi.${LAB_STACK}.yaml`);
  }

  /** Runs `prox-ops ARGS` to its end. */
  proxOps(...args: string[]): Promise<Finished> {
    return this.finished(this.start(process.execPath, [join(REPOSITORY, 'driver/bin/prox-ops.js'), ...args]));
  }

  /** The same, with more in its environment. */
  proxOpsWith(environment: Record<string, string>, ...args: string[]): Promise<Finished> {
    const command = [join(REPOSITORY, 'driver/bin/prox-ops.js'), ...args];
    return this.finished(this.start(process.execPath, command, environment));
  }

  /** Runs any command in the project to its end, with more in its environment. */
  runWith(environment: Record<string, string>, command: string, ...args: string[]): Promise<Finished> {
    return this.finished(this.start(command, args, environment));
  }

  /** Runs `pulumi ARGS` to its end. */
  pulumi(args: string[], environment: Record<string, string> = {}): Promise<Finished> {
    return this.finished(this.start('pulumi', [...args, '--color', 'never', '--non-interactive'], environment));
  }

  /** Starts `prox-ops ARGS`; the caller decides how it ends. */
  begin(...args: string[]): ChildProcess {
    return this.start(process.execPath, [join(REPOSITORY, 'driver/bin/prox-ops.js'), ...args]);
  }

  /** The same, with more in its environment. */
  beginWith(environment: Record<string, string>, ...args: string[]): ChildProcess {
    return this.start(process.execPath, [join(REPOSITORY, 'driver/bin/prox-ops.js'), ...args], environment);
  }

  /** The same as a shell does on a terminal: a process group of its own, to which the terminal's signals go. */
  beginInGroup(...args: string[]): ChildProcess {
    const command = [join(REPOSITORY, 'driver/bin/prox-ops.js'), ...args];
    return this.start(process.execPath, command, {}, { detached: true });
  }

  async finished(child: ChildProcess): Promise<Finished> {
    let stdout = '';
    let output = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
      output += chunk.toString();
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    return new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code, signal) => {
        resolve({ code, signal, stdout, output });
      });
    });
  }

  /** Stops everything that was started, by its id. @returns invariants that did not hold, with their violations. */
  async close(): Promise<void> {
    for (const child of this.children) child.kill('SIGKILL');
    endOrphans(this.root);
    await this.lab.close();
    rmSync(this.root, { recursive: true, force: true });
  }

  private start(
    command: string,
    args: string[],
    environment: Record<string, string> = {},
    { detached = false } = {},
  ): ChildProcess {
    // A runner in a cluster (components/runnerSet.ts) tells of that cluster, and this is another one.
    const outside = { PROX_OPS_NODE_NAME: '', PROX_OPS_KUBECONFIG: '' };
    const env = { ...this.lab.processEnvironment(), ...outside, ...this.environment, ...environment };
    const child = spawn(command, args, { cwd: this.project, env, detached, stdio: ['ignore', 'pipe', 'pipe'] });
    this.children.add(child);
    child.on('close', () => this.children.delete(child));
    return child;
  }
}

/** Provider hosts outlive an engine that was killed: they are known by the lab's folder in their environment. */
function endOrphans(root: string): void {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      if (readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`PULUMI_HOME=${root}/`))
        process.kill(Number(pid), 'SIGKILL');
    } catch {
      // Ended meanwhile, or somebody else's.
    }
  }
}
