import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { LocalWorkspace, PulumiCommand } from '@pulumi/pulumi/automation';
import type { EngineEvent, OpMap, PulumiFn, Stack } from '@pulumi/pulumi/automation';
import { ensureTools } from '../../../lab/tools/index.js';

const PLUGINS = resolve(__dirname, '../../../lab/plugins/bin');

/** The real Pulumi engine with this repository's plugins, its state in a temporary directory. */
export class Engine {
  private program: PulumiFn = async () => undefined;

  private constructor(
    private readonly directory: string,
    readonly stack: Stack,
  ) {}

  /** @param environment of the engine and so of its plugins. */
  static async start(environment: Record<string, string>): Promise<Engine> {
    const { pulumi } = await ensureTools(['pulumi']);
    const directory = mkdtempSync(join(tmpdir(), 'engine-test-'));
    for (const name of ['bin', 'home', 'state']) mkdirSync(join(directory, name));
    symlinkSync(pulumi, join(directory, 'bin', 'pulumi'));
    const engine: { program?: () => Promise<unknown> } = {};
    const stack = await LocalWorkspace.createOrSelectStack(
      {
        projectName: 'plugins',
        stackName: 'test',
        program: async () => engine.program?.() as Promise<Record<string, unknown>>,
      },
      {
        pulumiCommand: await PulumiCommand.get({ root: directory, skipVersionCheck: true }),
        envVars: {
          ...environment,
          PATH: [PLUGINS, join(directory, 'bin'), process.env['PATH']].join(delimiter),
          PULUMI_HOME: join(directory, 'home'),
          PULUMI_BACKEND_URL: `file://${join(directory, 'state')}`,
          PULUMI_CONFIG_PASSPHRASE: 'test',
          PULUMI_SKIP_UPDATE_CHECK: 'true',
          PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: 'true',
        },
      },
    );
    const started = new Engine(directory, stack);
    engine.program = () => started.program() as Promise<unknown>;
    return started;
  }

  /** Runs an update with a program. @returns what it did, by kind. */
  async up(program: PulumiFn, onEvent?: (event: EngineEvent) => void): Promise<OpMap> {
    this.program = program;
    const result = await this.stack.up({ ...(onEvent && { onEvent }) });
    return result.summary.resourceChanges ?? {};
  }

  async preview(program: PulumiFn, onEvent?: (event: EngineEvent) => void): Promise<OpMap> {
    this.program = program;
    const result = await this.stack.preview({ ...(onEvent && { onEvent }) });
    return result.changeSummary;
  }

  async refresh(): Promise<OpMap> {
    const result = await this.stack.refresh();
    return result.summary.resourceChanges ?? {};
  }

  async destroy(): Promise<void> {
    await this.stack.destroy();
  }

  /** The stored state of one resource, its secrets still encrypted. */
  async state(name: string): Promise<StoredResource> {
    const { deployment } = (await this.stack.exportStack()) as { deployment: { resources: StoredResource[] } };
    const found = deployment.resources.find(({ urn }) => urn.endsWith(`::${name}`));
    if (!found) throw new Error(`no resource ${name} in the state`);
    return found;
  }

  close(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export interface StoredResource {
  urn: string;
  id: string;
  inputs: Record<string, unknown>;
  outputs: Record<string, unknown>;
  initErrors?: string[];
}
