import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { parseDocument } from 'yaml';
import type { Project } from '../project';
import type { Deployment } from './deployment';
import { parsePlan, type EnginePlan } from './enginePlan';
import { runPulumi } from '../pulumiCli';

/** A resource to be read by its provider, as `pulumi import` wants it. */
export interface ImportOrder {
  type: string;
  name: string;
  id: string;
  /** URNs. */
  parent: string;
  provider: string;
}

/**
 * The project with a state of its own in a directory that goes away: everything is tried here first, with the real engine
 * and the real providers, and nothing is written to the stack before all of it fits. Its secrets are encrypted with a
 * passphrase that nobody keeps.
 */
export class Scratch {
  private readonly environment: NodeJS.ProcessEnv;

  private constructor(
    private readonly root: string,
    private readonly stackName: string,
    environment: NodeJS.ProcessEnv,
  ) {
    this.environment = {
      ...environment,
      PULUMI_BACKEND_URL: `file://${join(root, 'state')}`,
      PULUMI_CONFIG_PASSPHRASE: randomBytes(24).toString('hex'),
      PULUMI_CONFIG_PASSPHRASE_FILE: undefined,
      PULUMI_STACK: stackName,
      // Its first previews would make VMs that are there: lifecycle/vmGuards.ts is not to mind.
      PROX_OPS_ADOPTING: stackName,
      PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS: 'true',
    };
  }

  /** @param environment of the engine: how to reach Proxmox. */
  static async open(project: Project, stackFile: string, environment: NodeJS.ProcessEnv): Promise<Scratch> {
    const root = mkdtempSync(join(tmpdir(), 'prox-ops-adopt-'));
    const scratch = new Scratch(root, project.stackName, environment);
    try {
      for (const folder of ['state', 'project']) mkdirSync(join(root, folder), { mode: 0o700 });
      writeFileSync(join(scratch.directory, 'Pulumi.yaml'), movedProject(project.directory));
      symlinkSync(join(project.directory, 'node_modules'), join(scratch.directory, 'node_modules'));
      await scratch.pulumi(['stack', 'init', project.stackName]);
      scratch.salt = readFileSync(scratch.stackFile, 'utf8');
      scratch.describe(stackFile);
      return scratch;
    } catch (error) {
      scratch.remove();
      throw error;
    }
  }

  /** Removes everything, secrets included. */
  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }

  /** Replaces the stack file. */
  describe(stackFile: string): void {
    writeFileSync(this.stackFile, `${stackFile}\n${this.salt}`, { mode: 0o600 });
  }

  /** What an update would do, with every resource's inputs; secrets in it are encrypted. */
  async plan(): Promise<EnginePlan> {
    const file = join(this.root, 'plan.json');
    const digest = await this.pulumi(['preview', '--json', '--save-plan', file]);
    return parsePlan(digest, readFileSync(file, 'utf8'));
  }

  async update(targets: string[]): Promise<void> {
    await this.pulumi(['up', '--yes', '--skip-preview', ...targets.flatMap((urn) => ['--target', urn])]);
  }

  /** Has providers read what exists. */
  async read(orders: ImportOrder[]): Promise<void> {
    if (orders.length === 0) return;
    const urns = [...new Set(orders.flatMap(({ parent, provider }) => [parent, provider]))];
    const names = new Map(urns.map((urn, index) => [urn, `resource${index}`]));
    const resources = orders.map(({ parent, provider, ...order }) => ({
      ...order,
      parent: names.get(parent),
      provider: names.get(provider),
    }));
    const nameTable: Record<string, string> = {};
    for (const [urn, name] of names) nameTable[name] = urn;
    const file = join(this.root, 'import.json');
    writeFileSync(file, JSON.stringify({ nameTable, resources }), { mode: 0o600 });
    const options = ['--yes', '--skip-preview', '--protect=false', '--generate-code=false'];
    await this.pulumi(['import', '--file', file, ...options]);
  }

  /** @param showSecrets plain text in memory, never in a file. */
  async export(showSecrets: boolean): Promise<Deployment> {
    const text = await this.pulumi(['stack', 'export', ...(showSecrets ? ['--show-secrets'] : [])]);
    return JSON.parse(text) as Deployment;
  }

  async import(deployment: Deployment): Promise<void> {
    await this.pulumi(['stack', 'import'], JSON.stringify(deployment));
  }

  private salt = '';

  private get directory(): string {
    return join(this.root, 'project');
  }

  private get stackFile(): string {
    return join(this.directory, `Pulumi.${this.stackName}.yaml`);
  }

  private pulumi(args: string[], input?: string): Promise<string> {
    return runPulumi(args, this.directory, this.environment, input);
  }
}

/** The project's description for another directory: what it names relatively is named absolutely. */
function movedProject(directory: string): string {
  const document = parseDocument(readFileSync(join(directory, 'Pulumi.yaml'), 'utf8'));
  const absolute = (path: string): string => (isAbsolute(path) ? path : resolve(directory, path));
  const main = document.get('main');
  document.set('main', absolute(typeof main === 'string' ? main : '.'));
  const tsconfig = document.getIn(['runtime', 'options', 'tsconfig']);
  if (typeof tsconfig === 'string') document.setIn(['runtime', 'options', 'tsconfig'], absolute(tsconfig));
  return document.toString({ lineWidth: 0 });
}
