/**
 * `npm run test:workflows [WORKFLOW/JOB...]`: runs every `run:` step of the workflows in .github/ as a runner does, each job
 * in a fresh clone, its conditions and variables as GitHub evaluates them. Actions are left out, but for checkouts and
 * artifacts. The repository is this one as it is committed, with the stack `lab` of six nodes in place of `prod`; the pull
 * request brings a Talos release, is merged, and rolled out against the lab. GitHub's API is test/support/github.ts. Needs no
 * network where npm's cache and the tools' are filled.
 */
import { spawn, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseDocument } from 'yaml';
import { GitHub } from './support/github';
import { REPOSITORY } from './support/stack-files';
import {
  type Context,
  expressions,
  type Expressions,
  type Job,
  type Step,
  stepsOf,
  workflows,
} from './support/workflows';

/** Actions that prepare what a machine of ours has. */
const PREPARE = /^(actions\/(setup-node|setup-go|cache)|aws-actions\/configure-aws-credentials)@/;
const NODES = ['k8s-ctrl-1', 'k8s-ctrl-2', 'k8s-ctrl-3', 'k8s-work-1', 'k8s-work-2', 'k8s-work-3'];
/** Jobs that run the checkout as it is committed, without the story's six nodes: a lab builds all of them. */
const WHOLE = ['rehearsal/rehearse'];
/** Jobs that ask the cluster. */
const CLUSTER = ['ci/plan', 'rollout/roll', 'checks/look'];
const LAB = 'workflows';

/** What happens, in its order: which job, and of which event. What `npm start` and all tests do is run when asked for. */
const STORY: { job: string; event: 'pull request' | 'merge' | 'schedule'; expect?: RegExp; onlyWhenAsked?: true }[] = [
  { job: 'ci/check', event: 'pull request' },
  { job: 'ci/test', event: 'pull request', onlyWhenAsked: true },
  { job: 'ci/policies', event: 'pull request' },
  { job: 'ci/plan', event: 'pull request', expect: /4 node\(s\) to replace|k8s-ctrl-1/ },
  { job: 'ci/comment', event: 'pull request', expect: /plan -->: written/ },
  { job: 'ci/comment', event: 'pull request', expect: /plan -->: left as it was/ },
  { job: 'checks/look', event: 'schedule', expect: /✗ stale-versions/ },
  { job: 'checks/tell', event: 'schedule', expect: /stale-versions: issue opened/ },
  { job: 'rollout/decide', event: 'merge', expect: /A rollout starts: Talos/ },
  { job: 'rollout/roll', event: 'merge', expect: /k8s-work-3: replaced|6 of 6|done/ },
  { job: 'checks/look', event: 'schedule', expect: /✓ stale-versions/ },
  { job: 'checks/tell', event: 'schedule', expect: /stale-versions: issue closed/ },
  { job: 'rehearsal/rehearse', event: 'schedule', onlyWhenAsked: true },
  { job: 'rehearsal/tell', event: 'schedule', expect: /rehearsal: issue not needed/ },
];

interface Finished {
  code: number | null;
  output: string;
}

class Story {
  private readonly root = mkdtempSync(join(tmpdir(), 'prox-ops-workflow-'));
  private readonly origin = join(this.root, 'origin');
  private readonly results = new Map<string, { result: string; outputs: Record<string, string> }>();
  /** Workspaces with their packages, by commit. */
  private readonly installations = new Map<string, string>();
  private labEnvironment: NodeJS.ProcessEnv | undefined;
  private runs = 0;
  private committed = '';
  private base = '';
  private head = '';

  private constructor(
    private readonly github: GitHub,
    private readonly evaluate: Expressions,
  ) {}

  static async tell(asked: string[]): Promise<boolean> {
    const story = new Story(await GitHub.start(), await expressions());
    try {
      story.github.addPullRequest(1);
      await story.repository();
      const chosen = STORY.filter(({ job, onlyWhenAsked }) =>
        asked.length > 0 ? asked.includes(job) : !onlyWhenAsked,
      );
      let well = true;
      for (const { job, event, expect } of chosen) well = (await story.job(job, event, expect)) && well;
      return well;
    } finally {
      await story.close();
    }
  }

  /** Two commits: what runs, and a pull request with the next Talos release. */
  private async repository(): Promise<void> {
    this.git(['clone', '--quiet', REPOSITORY, this.origin], this.root);
    this.committed = this.commitOf(this.origin);
    const stack = join(this.origin, 'Pulumi.lab.yaml');
    const document = parseDocument(readFileSync(stack, 'utf8'));
    const nodes = document.toJS() as { config: { 'prox-ops:nodes': Record<string, unknown> } };
    for (const name of Object.keys(nodes.config['prox-ops:nodes']))
      if (!NODES.includes(name)) document.deleteIn(['config', 'prox-ops:nodes', name]);
    writeFileSync(stack, document.toString({ lineWidth: 0 }));
    this.base = this.commit('six nodes');
    const pins = join(this.origin, 'versions.yaml');
    writeFileSync(pins, readFileSync(pins, 'utf8').replace(/^( +talos: ).*$/m, '$1v1.12.4'));
    const program = join(REPOSITORY, 'driver/bin/prox-ops.js');
    // The versions are those beside the program: the release is named.
    await this.must(process.execPath, [program, 'release', 'v1.12.4', '--stack', 'lab', '-C', this.origin], {});
    this.head = this.commit('Talos v1.12.4');
  }

  private commit(message: string): string {
    const who = ['-c', 'user.name=test', '-c', 'user.email=test@example'];
    this.git([...who, 'commit', '--quiet', '--all', '--message', message], this.origin);
    return this.git(['rev-parse', 'HEAD'], this.origin).trim();
  }

  private git(args: string[], cwd: string): string {
    const { status, stdout, stderr } = spawnSync('git', args, { cwd, encoding: 'utf8' });
    if (status !== 0) throw new Error(`git ${args.join(' ')}: ${stderr}`);
    return stdout;
  }

  private async job(name: string, event: string, expected: RegExp | undefined): Promise<boolean> {
    const [file = '', id = ''] = name.split('/');
    const job = workflows()[file]?.jobs[id];
    if (!job) throw new Error(`expected a job of .github/workflows, found ${name}`);
    if (CLUSTER.includes(name)) this.labEnvironment ??= await this.cluster();
    const context = this.context(event, job, file);
    if (!this.evaluate.condition(job.if, context)) return this.told(name, false, 'its condition does not let it run');
    this.runs += 1;
    const workspace = join(this.root, `${this.runs}-${id}`);
    mkdirSync(workspace);
    const { failed, output } = await this.steps(name, job, context, workspace);
    const outputs = Object.entries(job.outputs ?? {}).map(([key, text]) => [key, this.evaluate.text(text, context)]);
    const result = failed ? 'failure' : 'success';
    this.results.set(name, { result, outputs: Object.fromEntries(outputs) as Record<string, string> });
    if (failed) return this.told(name, false, 'a step failed');
    if (expected && !expected.test(output)) return this.told(name, false, `expected ${expected.source} in its output`);
    return this.told(name, true, event);
  }

  private async steps(
    name: string,
    job: Job,
    context: Context,
    workspace: string,
  ): Promise<{ failed: boolean; output: string }> {
    let failed = false;
    let output = '';
    for (const step of stepsOf(job)) {
      if (!this.evaluate.condition(step.if, context, { failed })) continue;
      if (step.run === undefined) {
        this.action(step, workspace, context, WHOLE.includes(name) ? this.committed : this.head);
        continue;
      }
      if (/^npm ci\b/.test(step.run) && this.installed(workspace)) continue;
      const done = await this.step(step, name, context, workspace);
      if (/^npm ci\b/.test(step.run) && done.code === 0) this.installations.set(this.commitOf(workspace), workspace);
      output += done.output;
      failed ||= done.code !== 0;
    }
    return { failed, output };
  }

  private async step(step: Step, name: string, context: Context, workspace: string): Promise<Finished> {
    const script = join(this.root, 'step.sh');
    const outputs = join(this.root, 'outputs');
    writeFileSync(script, step.run ?? '');
    rmSync(outputs, { force: true });
    const own = { ...workflows()[name.split('/')[0] ?? '']?.env, ...this.jobOf(name).env, ...step.env };
    const given = Object.entries(own).map(([key, value]) => [key, this.evaluate.text(String(value), context)]);
    const started = Date.now();
    const done = await this.run('bash', ['-e', script], workspace, {
      ...this.runner(workspace),
      ...(CLUSTER.includes(name) ? this.labEnvironment : {}),
      ...(Object.fromEntries(given) as Record<string, string>),
      GITHUB_OUTPUT: outputs,
      PULUMI_STACK: 'lab',
    });
    if (step.id !== undefined) Object.assign(context.steps as object, { [step.id]: { outputs: outputsIn(outputs) } });
    const seconds = ((Date.now() - started) / 1000).toFixed(0);
    const verdict = done.code === 0 ? 'passed' : 'FAILED';
    process.stdout.write(`${verdict}  ${name}  ${(step.run ?? '').trim()}  (${seconds} s)\n`);
    if (done.code !== 0) process.stdout.write(done.output);
    return done;
  }

  /** A commit's packages are installed once: later jobs get what the first one had, as files that they share. */
  private installed(workspace: string): boolean {
    const first = this.installations.get(this.commitOf(workspace));
    if (first === undefined) return false;
    const made = this.git(['ls-files', '--others', '--ignored', '--exclude-standard', '--directory'], first).split(
      '\n',
    );
    for (const path of made.filter((name) => /(^|\/)(node_modules|dist|build|bin)\/$/.test(name))) {
      const { status } = spawnSync('cp', ['-al', join(first, path), join(workspace, path)]);
      if (status !== 0) throw new Error(`${path} of ${first} could not be linked`);
    }
    return true;
  }

  private commitOf(workspace: string): string {
    return this.git(['rev-parse', 'HEAD'], workspace).trim();
  }

  private jobOf(name: string): Job {
    const [file = '', id = ''] = name.split('/');
    const job = workflows()[file]?.jobs[id];
    if (!job) throw new Error(`expected a job, found ${name}`);
    return job;
  }

  /** What GitHub gives every step, but for the token, which a step has to be given. */
  private runner(workspace: string): NodeJS.ProcessEnv {
    const github: NodeJS.ProcessEnv = this.github.environment();
    delete github.GITHUB_TOKEN;
    const event = join(this.root, 'event.json');
    writeFileSync(event, JSON.stringify({ pull_request: { number: 1 } }));
    return {
      ...process.env,
      ...github,
      CI: 'true',
      GITHUB_ACTIONS: 'true',
      GITHUB_ACTOR: 'octocat',
      GITHUB_EVENT_PATH: event,
      GITHUB_WORKSPACE: workspace,
      GITHUB_STEP_SUMMARY: join(this.root, 'summary.md'),
      npm_config_prefer_offline: 'true',
    };
  }

  private context(event: string, job: Job, file: string): Context {
    const lab = this.labEnvironment ?? {};
    const needed = [job.needs ?? []].flat();
    const needs = Object.fromEntries(
      needed.map((name) => [name, this.results.get(`${file}/${name}`) ?? { result: 'success', outputs: {} }]),
    );
    const repository = this.github.repository;
    const change = {
      base: { sha: this.base },
      head: { sha: this.head, repo: { full_name: repository } },
    };
    const names = { 'pull request': 'pull_request', merge: 'push', schedule: 'schedule' };
    return {
      github: {
        event_name: names[event as keyof typeof names],
        repository,
        token: this.github.token,
        event: event === 'pull request' ? { pull_request: change } : { before: this.base },
      },
      vars: { PULUMI_BACKEND_URL: lab.PULUMI_BACKEND_URL ?? 'file:///nowhere' },
      secrets: {
        PROXMOX_VE_API_TOKEN: lab.PROXMOX_VE_API_TOKEN,
        PULUMI_CONFIG_PASSPHRASE: lab.PULUMI_CONFIG_PASSPHRASE,
      },
      needs,
      steps: {},
    };
  }

  private action({ uses = '', with: inputs = {} }: Step, workspace: string, context: Context, commit: string): void {
    if (PREPARE.test(uses)) return;
    const folder = join(this.root, 'artifacts', String(inputs.name ?? 'artifact'));
    const path = String(inputs.path ?? '.');
    if (uses.startsWith('actions/checkout@')) {
      const ref = inputs.ref === undefined ? commit : this.evaluate.text(String(inputs.ref), context);
      const place = join(workspace, path);
      this.git(['clone', '--quiet', this.origin, place], this.root);
      this.git(['checkout', '--quiet', ref], place);
    } else if (uses.startsWith('actions/upload-artifact@')) {
      rmSync(folder, { recursive: true, force: true });
      for (const [from, to] of matching(workspace, path)) cpSync(from, join(folder, to), { recursive: true });
    } else if (uses.startsWith('actions/download-artifact@'))
      cpSync(folder, join(workspace, path), { recursive: true });
    else throw new Error(`expected an action that this script knows, found ${uses}`);
  }

  /** The lab with the cluster as it was before the pull request. @returns what a shell needs to work against it. */
  private async cluster(): Promise<NodeJS.ProcessEnv> {
    const place = join(this.root, 'operator');
    this.git(['clone', '--quiet', this.origin, place], this.root);
    this.git(['checkout', '--quiet', this.base], place);
    const offline = { npm_config_prefer_offline: 'true' };
    if (!this.installed(place)) await this.must('npm', ['ci', '--no-audit', '--no-fund'], offline, place);
    this.installations.set(this.base, place);
    await this.must('npx', ['prox-ops', 'lab', 'up', '--name', LAB], {}, place);
    const text = await this.must('npx', ['prox-ops', 'lab', 'env', '--name', LAB], {}, place);
    const { output } = await this.run('bash', ['-c', `${text}\nenv -0`], place, process.env);
    const environment = Object.fromEntries(
      output
        .split('\0')
        .flatMap((line) => (line.includes('=') ? [line.split(/=(.*)/s).slice(0, 2) as [string, string]] : [])),
    );
    const { PULUMI_CONFIG_PASSPHRASE_FILE: file } = environment;
    // A workflow hands the passphrase over as a variable.
    const passphrase = file === undefined ? '' : readFileSync(file, 'utf8').trim();
    const whole: NodeJS.ProcessEnv = { ...environment, PULUMI_CONFIG_PASSPHRASE: passphrase };
    delete whole.PULUMI_CONFIG_PASSPHRASE_FILE;
    await this.must('npx', ['prox-ops', 'up'], whole, place);
    await this.must('npx', ['prox-ops', 'lab', 'monitor', '--wait', '--name', LAB], whole, place);
    return whole;
  }

  private async must(
    program: string,
    args: string[],
    environment: NodeJS.ProcessEnv,
    cwd = this.root,
  ): Promise<string> {
    const { code, output } = await this.run(program, args, cwd, { ...process.env, ...environment });
    if (code !== 0) throw new Error(`${program} ${args.join(' ')}: exit code ${code}\n${output}`);
    return output;
  }

  /** Not waited for synchronously: the emulated GitHub answers from this process. */
  private run(program: string, args: string[], cwd: string, env: NodeJS.ProcessEnv): Promise<Finished> {
    return new Promise((resolve, reject) => {
      const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
      let output = '';
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding('utf8').on('data', (text: string) => (output += text));
      child.on('error', reject);
      child.on('close', (code) => {
        resolve({ code, output });
      });
    });
  }

  private told(name: string, well: boolean, what: string): boolean {
    process.stdout.write(`${well ? 'PASSED' : 'FAILED'}  ${name}: ${what}\n`);
    return well;
  }

  private async close(): Promise<void> {
    const place = join(this.root, 'operator');
    if (existsSync(place)) await this.run('npx', ['prox-ops', 'lab', 'down', '--name', LAB], place, process.env);
    await this.github.close();
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** What a path of an upload names: files by a pattern, one file, or all that is in a folder; and its name in the artifact. */
function matching(workspace: string, path: string): [from: string, to: string][] {
  if (path.includes('*')) {
    const pattern = new RegExp(`^${path.replaceAll('.', '\\.').replaceAll('*', '.*')}$`);
    const names = readdirSync(workspace).filter((name) => pattern.test(name));
    return names.map((name) => [join(workspace, name), name]);
  }
  const place = join(workspace, path);
  if (!existsSync(place)) return [];
  return [[place, statSync(place).isFile() ? basename(path) : '.']];
}

/** `name<<DELIMITER`, lines, the delimiter. */
function outputsIn(file: string): Record<string, string> {
  if (!existsSync(file)) return {};
  const found = readFileSync(file, 'utf8').matchAll(/^([\w-]+)<<(\S+)\n([^]*?)\n\2$/gm);
  return Object.fromEntries([...found].map(([, name = '', , value = '']) => [name, value]));
}

const asked = process.argv.slice(2);
const known = STORY.map(({ job }) => job);
const unknown = asked.filter((name) => !known.includes(name));
if (unknown.length > 0)
  throw new Error(`expected jobs of ${[...new Set(known)].join(', ')}, found ${unknown.join(', ')}`);
void Story.tell(asked).then(
  (well) => {
    process.exitCode = well ? 0 : 1;
  },
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  },
);
