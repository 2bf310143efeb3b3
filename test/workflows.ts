/**
 * `npm run test:workflows [JOB...]`: runs every `run:` step of .github/workflows/ci.yaml as a runner does, each job in a
 * fresh clone of what is committed. Actions are left out, but for artifacts, which pass from job to job; `gh` is taken
 * down, not called. Needs no network where npm's cache and the tools' are filled.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { parse } from 'yaml';
import { REPOSITORY } from './support/stack-files';

interface Step {
  uses?: string;
  with?: Record<string, string>;
  run?: string;
  env?: Record<string, string>;
}

interface Workflow {
  jobs: Record<string, { steps: Step[] }>;
}

/** What a pull request's run knows. */
const CONTEXT: Record<string, string> = {
  'github.token': 'no-token',
  'github.event.pull_request.html_url': 'https://github.com/OWNER/prox-ops/pull/1',
};

/** Actions that prepare what a machine of ours has. */
const PREPARE = /^actions\/(checkout|setup-node|setup-go|cache)@/;

const GH = `#!/usr/bin/env bash
set -eu
while [ $# -gt 0 ]; do
  if [ "$1" = --body-file ]; then grep -q '^### Policies' "$2"; exit; fi
  shift
done
echo 'expected --body-file' >&2
exit 1
`;

const root = mkdtempSync(join(tmpdir(), 'prox-ops-workflow-'));
const artifacts = join(root, 'artifacts');
const programs = join(root, 'bin');

function runJob(name: string, steps: Step[]): boolean {
  const workspace = join(root, name);
  if (steps.some(({ uses }) => uses?.startsWith('actions/checkout@')))
    spawnSync('git', ['clone', '--quiet', REPOSITORY, workspace], { stdio: 'inherit' });
  else mkdirSync(workspace);
  let passed = true;
  // As with `if: always()`: what a failed job leaves is still handed on.
  for (const step of steps) if (passed || step.uses !== undefined) passed = runStep(name, workspace, step) && passed;
  return passed;
}

function runStep(job: string, workspace: string, step: Step): boolean {
  if (step.run === undefined) {
    useAction(step, workspace);
    return true;
  }
  const script = join(root, 'step.sh');
  writeFileSync(script, step.run);
  const env = {
    ...process.env,
    PATH: [programs, process.env.PATH].join(delimiter),
    CI: 'true',
    GITHUB_ACTIONS: 'true',
    GITHUB_WORKSPACE: workspace,
    GITHUB_STEP_SUMMARY: join(root, `${job}-summary.md`),
    npm_config_prefer_offline: 'true',
    ...Object.fromEntries(Object.entries(step.env ?? {}).map(([key, value]) => [key, evaluated(value)])),
  };
  const started = Date.now();
  const { status } = spawnSync('bash', ['-e', script], { cwd: workspace, env, stdio: 'inherit' });
  const seconds = ((Date.now() - started) / 1000).toFixed(0);
  process.stdout.write(`${status === 0 ? 'passed' : 'FAILED'}  ${job}  ${step.run.trim()}  (${seconds} s)\n`);
  return status === 0;
}

function useAction({ uses = '', with: inputs = {} }: Step, workspace: string): void {
  if (PREPARE.test(uses)) return;
  const folder = join(artifacts, inputs.name ?? 'artifact');
  if (uses.startsWith('actions/upload-artifact@')) {
    const pattern = new RegExp(`^${(inputs.path ?? '').replaceAll('.', '\\.').replaceAll('*', '.*')}$`);
    for (const file of readdirSync(workspace).filter((name) => pattern.test(name)))
      cpSync(join(workspace, file), join(folder, file));
  } else if (uses.startsWith('actions/download-artifact@')) cpSync(folder, workspace, { recursive: true });
  else throw new Error(`expected an action that this script knows, found ${uses}`);
}

function evaluated(text: string): string {
  return text.replace(/\$\{\{ *([^ }]+) *\}\}/g, (_, name: string) => {
    const value = CONTEXT[name];
    if (value === undefined) throw new Error(`expected a context of ${Object.keys(CONTEXT).join(', ')}, found ${name}`);
    return value;
  });
}

const { jobs } = parse(readFileSync(join(REPOSITORY, '.github/workflows/ci.yaml'), 'utf8')) as Workflow;
const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in jobs));
if (unknown.length > 0)
  throw new Error(`expected jobs of ${Object.keys(jobs).join(', ')}, found ${unknown.join(', ')}`);
try {
  mkdirSync(programs);
  writeFileSync(join(programs, 'gh'), GH, { mode: 0o755 });
  const chosen = Object.entries(jobs).filter(([name]) => asked.length === 0 || asked.includes(name));
  const results = chosen.map(([name, { steps }]) => runJob(name, steps));
  process.exitCode = results.every(Boolean) ? 0 : 1;
} finally {
  rmSync(root, { recursive: true, force: true });
}
