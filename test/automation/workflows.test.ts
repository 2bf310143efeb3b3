import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY } from '../support/stack-files';
import {
  type Context,
  expressions,
  type Expressions,
  type Job,
  type Step,
  stepsOf,
  workflowFiles,
  workflows,
} from '../support/workflows';

const OURS = 'example/cluster';

/** A pull request from a branch of a repository. */
function pullRequest(from: string): Context {
  const event = { pull_request: { base: { sha: 'b' }, head: { sha: 'h', repo: { full_name: from } } } };
  return {
    github: { event_name: 'pull_request', repository: OURS, event },
    vars: { PULUMI_BACKEND_URL: 's3://state' },
    needs: { plan: { result: 'success' } },
  };
}

/** Every job with the names of its workflow and its own. */
function jobs(): [where: string, job: Job][] {
  return Object.entries(workflows()).flatMap(([file, { jobs: all }]) =>
    Object.entries(all).map(([name, job]): [string, Job] => [`${file} ${name}`, job]),
  );
}

const steps = () => jobs().flatMap(([where, job]) => stepsOf(job).map((step): [string, Step] => [where, step]));
const usesSecret = (job: Job) => JSON.stringify(job).includes('secrets.');
const checkouts = (job: Job) => job.steps.filter(({ uses }) => uses?.startsWith('actions/checkout@'));

describe('workflows', () => {
  let evaluate: Expressions;

  before(async () => {
    evaluate = await expressions();
  });

  it('every step that runs something calls a command of ours, alone', () => {
    for (const [where, { run }] of steps()) {
      if (run === undefined) continue;
      assert.match(
        run,
        /^(npm (ci|test|start|run)|npx prox-ops|exec node driver\/bin\/prox-ops\.js)\b[^;&|`\n]*$/,
        where,
      );
      assert.doesNotMatch(run, /\$\{\{/, `${where}: an expression in a script`);
      assert.doesNotMatch(run.replaceAll(/"[^"]*"/g, ''), /\$/, `${where}: a variable without quotes`);
    }
  });

  it('every action is one of this repository, or pinned by commit with its version beside it', () => {
    for (const [where, { uses }] of steps())
      if (uses !== undefined) assert.match(uses, /^[\w-]+\/[\w-]+@[0-9a-f]{40}$/, where);
    for (const file of [...workflowFiles(), join(REPOSITORY, '.github/actions/setup/action.yaml')])
      for (const [line] of readFileSync(file, 'utf8').matchAll(/^.*\buses: [^.].*$/gm))
        assert.match(line, /@[0-9a-f]{40} # v\d+\.\d+\.\d+$/, file);
  });

  it('no job has a right that it was not given by name, and few may write', () => {
    for (const [name, { permissions }] of Object.entries(workflows())) assert.deepEqual(permissions, {}, name);
    const writing = jobs().flatMap(([where, { permissions = {} }]) =>
      Object.entries(permissions).flatMap(([right, level]) => (level === 'write' ? [`${where}: ${right}`] : [])),
    );
    assert.deepEqual(writing.sort(), [
      'checks look: id-token',
      'checks tell: issues',
      'ci comment: pull-requests',
      'ci plan: id-token',
      'rehearsal tell: issues',
      'rollout go-on: id-token',
      'rollout roll: id-token',
    ]);
  });

  it('no job has both a credential of the cluster and a right to write on GitHub', () => {
    for (const [where, job] of jobs()) {
      const writes = Object.entries(job.permissions ?? {}).some(
        ([right, level]) => level === 'write' && right !== 'id-token',
      );
      assert.ok(!(writes && usesSecret(job)), where);
    }
  });

  it('no checkout keeps its token, and no event gives a fork what is ours', () => {
    for (const [where, job] of jobs())
      for (const { with: inputs } of checkouts(job)) assert.equal(inputs?.['persist-credentials'], false, where);
    for (const [name, { on }] of Object.entries(workflows()))
      for (const event of ['pull_request_target', 'workflow_run', 'issue_comment']) assert.ok(!(event in on), name);
  });

  it("a fork's pull request runs no job with a secret, a right to write or an environment", () => {
    const fork = pullRequest('somebody/cluster');
    for (const [name, job] of Object.entries(workflows().ci?.jobs ?? {})) {
      if (!evaluate.condition(job.if, fork)) continue;
      assert.ok(!usesSecret(job), name);
      assert.equal(job.environment, undefined, name);
      assert.deepEqual(job.permissions, { contents: 'read' }, name);
    }
    for (const name of ['plan', 'comment']) {
      const job = workflows().ci?.jobs[name];
      assert.equal(evaluate.condition(job?.if, fork), false, name);
      assert.equal(evaluate.condition(job?.if, pullRequest(OURS)), true, name);
    }
  });

  it('what runs beside a secret or a right to write is the code of the branch that a pull request goes to', () => {
    const context = pullRequest(OURS);
    for (const name of ['plan', 'comment']) {
      const job = workflows().ci?.jobs[name];
      assert.ok(job);
      const where = checkouts(job).map(({ with: inputs = {} }) => [
        inputs.path ?? '.',
        evaluate.text(String(inputs.ref), context),
      ]);
      assert.deepEqual(where, [['.', 'b'], ...(name === 'plan' ? [['proposed', 'h']] : [])], name);
    }
  });

  it('reports of a pull request are unpacked where they replace no file that is run', () => {
    for (const [where, { uses, with: inputs }] of steps())
      if (uses?.startsWith('actions/download-artifact@')) assert.equal(inputs?.path, 'reports', where);
  });

  it('a pull request is planned where there is a cluster alone', () => {
    const without = { ...pullRequest(OURS), vars: {} };
    assert.equal(evaluate.condition(workflows().ci?.jobs.plan?.if, without), false);
    assert.equal(evaluate.condition(workflows().rollout?.jobs.decide?.if, without), false);
    assert.equal(evaluate.condition(workflows().checks?.jobs.look?.if, without), false);
  });

  describe('rollout', () => {
    const job = (name: string): Job => {
      const found = workflows().rollout?.jobs[name];
      assert.ok(found, name);
      return found;
    };
    const outputs = (context: Context) =>
      Object.fromEntries(
        Object.entries(job('decide').outputs ?? {}).map(([name, text]) => [name, evaluate.text(text, context)]),
      );
    const pushed = (decided: Record<string, string>): Context => ({
      github: { event_name: 'push' },
      steps: { decide: { outputs: decided } },
    });

    it('starts by itself when the merge says so, and by hand always', () => {
      for (const roll of ['true', 'false']) {
        const decided = outputs(pushed({ roll, major: 'false', why: 'Talos' }));
        const context = { needs: { decide: { outputs: decided } } };
        assert.equal(evaluate.condition(job('roll').if, context), roll === 'true');
        assert.deepEqual(decided, { roll, major: 'false', why: 'Talos' });
      }
      const byHand = { github: { event_name: 'workflow_dispatch' }, inputs: { 'approve-major': false, reason: 'CVE' } };
      assert.deepEqual(outputs(byHand), { roll: 'true', major: 'false', why: 'CVE' });
    });

    it('asks for the approval of another environment before a major, merged or by hand', () => {
      const environment = (decided: Record<string, string>) =>
        evaluate.text(job('roll').environment ?? '', { needs: { decide: { outputs: decided } } });
      assert.equal(environment(outputs(pushed({ roll: 'true', major: 'true', why: '' }))), 'production-major');
      assert.equal(environment(outputs(pushed({ roll: 'true', major: 'false', why: '' }))), 'production');
      const byHand = { github: { event_name: 'workflow_dispatch' }, inputs: { 'approve-major': true, reason: 'x' } };
      assert.equal(environment(outputs(byHand)), 'production-major');
    });

    it('is one for each cluster, and cancels nothing', () => {
      for (const name of ['roll', 'go-on'])
        assert.deepEqual(job(name).concurrency, { group: 'rollout-prod', 'cancel-in-progress': false });
    });

    it('goes on in a job of its own, on another runner, when it came to the node of the first one', () => {
      for (const handedOver of ['true', 'false', '']) {
        const context = { needs: { roll: { outputs: { 'handed-over': handedOver } } } };
        assert.equal(evaluate.condition(job('go-on').if, context), handedOver === 'true');
      }
      assert.deepEqual(job('go-on').steps, job('roll').steps);
      for (const part of ['environment', 'runs-on', 'permissions'] as const)
        assert.deepEqual(job('go-on')[part], job('roll')[part], part);
      // Nobody goes on after it: there it ends with the exit code that says so.
      assert.deepEqual([job('roll').env?.ROLL_GOES_ON, job('go-on').env?.ROLL_GOES_ON], ['true', undefined]);
      const names = ['roll', 'go-on'].map((name) =>
        job(name).steps.map(({ with: inputs = {} }) => evaluate.text(`${inputs.name}`, { github: { job: name } })),
      );
      assert.deepEqual([names[0]?.at(-1), names[1]?.at(-1)], ['report-roll', 'report-go-on']);
    });

    it('puts the node back after it was cancelled, and keeps its report however it ends', () => {
      const runs = (status: { failed?: boolean; cancelled?: boolean }) =>
        job('roll')
          .steps.filter((step) => evaluate.condition(step.if, {}, status))
          .map(({ run, uses = '' }) => run ?? uses.replace(/@.*/, ''));
      const stopped = 'exec node driver/bin/prox-ops.js ci stopped';
      assert.ok(!runs({}).includes(stopped));
      assert.deepEqual(runs({ failed: true }), ['actions/upload-artifact']);
      assert.deepEqual(runs({ cancelled: true }), [stopped, 'actions/upload-artifact']);
    });
  });
});
