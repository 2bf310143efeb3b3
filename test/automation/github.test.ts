import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { upsertComment } from '../../driver/ci/comment';
import { repositoryFrom } from '../../driver/ci/github';
import { LABEL, syncIssue, type Finding } from '../../driver/ci/issues';
import { GitHub } from '../support/github';
import { REPOSITORY } from '../support/stack-files';

const JOB = 'https://github.example/example/cluster/actions/runs/77';

describe('GitHub', () => {
  let github: GitHub;

  beforeEach(async () => {
    github = await GitHub.start();
    github.addPullRequest(7);
  });

  afterEach(() => github.close());

  const repository = () => repositoryFrom(github.environment());
  const bodies = () => github.comments.get(7)?.map(({ body }) => body);

  describe('a comment on a pull request', () => {
    const write = (text: string, name = 'plan') => upsertComment(repository(), 7, name, text);

    it('is written once, changed when it says something else, and otherwise left as it is', async () => {
      assert.equal(await write('two nodes\n'), 'written');
      assert.equal(await write('two nodes'), 'left as it was');
      assert.equal(await write('three nodes'), 'changed');
      assert.deepEqual(bodies(), ['<!-- prox-ops: plan -->\nthree nodes']);
      assert.equal(github.writes.length, 2);
    });

    it('is found behind a page of others, and one of another name is left alone', async () => {
      await write('policies', 'policies');
      for (let count = 0; count < 130; count += 1) github.addComment(7, `comment ${count}`);
      assert.equal(await write('first'), 'written');
      assert.equal(await write('second'), 'changed');
      assert.equal(github.comments.get(7)?.length, 132);
      assert.equal(bodies()?.[0], '<!-- prox-ops: policies -->\npolicies');
    });

    it('that only quotes ours is not taken for it', async () => {
      github.addComment(7, 'look:\n<!-- prox-ops: plan -->');
      assert.equal(await write('plan'), 'written');
    });

    it('is shortened to what GitHub takes', async () => {
      await write('a line of a plan\n'.repeat(10_000));
      const [body = ''] = bodies() ?? [];
      assert.ok(body.length <= 65_536 && body.length > 60_000);
      assert.match(body, /a line of a plan\n\nShortened: GitHub takes no longer comment\./);
    });
  });

  describe('what it refuses', () => {
    it('names what the token would have to be allowed, and never the token', async () => {
      github.permissions = [];
      const refused = { name: 'CommandError', message: /writing a comment: .* 403 .*token needs pull-requests: write/ };
      await assert.rejects(upsertComment(repository(), 7, 'plan', 'x'), refused);
      const other = repositoryFrom({ ...github.environment(), GITHUB_TOKEN: 'ghs_anothertokenofnobody' });
      await assert.rejects(upsertComment(other, 7, 'plan', 'x'), (error: Error) => {
        assert.match(error.message, /reading the comments: expected success, found 401 Bad credentials/);
        return !error.message.includes('ghs_');
      });
    });

    it('is told for a pull request that is not there, and for a server that does not answer', async () => {
      await assert.rejects(upsertComment(repository(), 8, 'plan', 'x'), /found 404 Not Found/);
      const asked = repository();
      await github.close();
      await assert.rejects(
        upsertComment(asked, 7, 'plan', 'x'),
        /^CommandError: GitHub: reading the comments: .*REFUSED/,
      );
    });
  });

  it('is not asked outside of a job: every variable that is missing is named', () => {
    assert.throws(
      () => repositoryFrom({ GITHUB_REPOSITORY: 'example/cluster' }),
      /Expected GITHUB_API_URL, GITHUB_TOKEN as a job of GitHub Actions has them, found nothing/,
    );
    const wrong = { ...github.environment(), GITHUB_REPOSITORY: 'cluster' };
    assert.throws(() => repositoryFrom(wrong), /GITHUB_REPOSITORY: expected OWNER\/NAME, found cluster/);
  });

  describe('an issue about a scheduled check', () => {
    const check = (ok: boolean, id = 'health'): Finding => ({
      id,
      ok,
      title: `${id} is not well`,
      text: 'w1: NotReady',
    });
    const sync = (finding: Finding) => syncIssue(repository(), finding, JOB);

    it('is opened once, kept up to date without a message, and closed when all is well again', async () => {
      assert.equal(await sync(check(false)), 'opened');
      assert.equal(await sync({ ...check(false), text: 'w2: NotReady' }), 'brought up to date');
      const [issue] = github.open();
      assert.equal(github.open().length, 1);
      assert.deepEqual(issue?.labels, [{ name: LABEL }]);
      assert.match(issue?.body ?? '', /^<!-- prox-ops: check health -->\nw2: NotReady\n[^]*runs\/77/);
      assert.equal(github.comments.get(issue?.number ?? 0)?.length, 0);

      assert.equal(await sync(check(true)), 'closed');
      assert.deepEqual([issue?.state, issue?.state_reason], ['closed', 'completed']);
      assert.deepEqual(github.comments.get(issue?.number ?? 0)?.[0]?.body, `Well again: ${JOB}.`);
      assert.equal(await sync(check(true)), 'none');
    });

    it('is opened anew after it was closed, and there is one for each check', async () => {
      await sync(check(false));
      await sync(check(true));
      assert.equal(await sync(check(false)), 'opened');
      assert.equal(await sync(check(false, 'secrets-age')), 'opened');
      assert.equal(github.open().length, 2);
    });

    it('leaves alone what people and pull requests have under the same label or text', async () => {
      github.addPullRequest(9, [LABEL]);
      const pull = github.issues.find(({ number }) => number === 9);
      if (pull) pull.body = '<!-- prox-ops: check health -->';
      const labelled = github.addIssue('mine', 'something else', [LABEL]);
      const quoted = github.addIssue('mine', '<!-- prox-ops: check health -->', []);
      assert.equal(await sync(check(true)), 'none');
      assert.deepEqual(
        github.open().map(({ number }) => number),
        [labelled, quoted],
      );
      assert.equal(pull?.state, 'open');
    });

    it('of which there are two, because two jobs ran at once, becomes the older one', async () => {
      const text = '<!-- prox-ops: check health -->\nold';
      const [older, newer] = [github.addIssue('a', text, [LABEL]), github.addIssue('b', text, [LABEL])];
      assert.equal(await sync(check(false)), 'brought up to date');
      assert.deepEqual(
        github.open().map(({ number }) => number),
        [older],
      );
      assert.equal(github.comments.get(newer)?.[0]?.body, `The same as #${older}.`);
    });

    it('is not closed with a token that may not', async () => {
      await sync(check(false));
      github.permissions = ['pull-requests'];
      await assert.rejects(sync(check(true)), /commenting on an issue: .* 403 .*needs issues: write/);
      assert.equal(github.open().length, 1);
    });
  });

  describe('the commands of the workflows', () => {
    let folder: string;

    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), 'prox-ops-ci-'));
    });

    afterEach(() => {
      rmSync(folder, { recursive: true, force: true });
    });

    async function proxOps(args: string[], more: Record<string, string> = {}) {
      const env = { PATH: process.env.PATH, ...github.environment(), ...more };
      const run = promisify(execFile)(process.execPath, [join(REPOSITORY, 'driver/bin/prox-ops.js'), ...args], { env });
      return run.then(
        ({ stdout }) => ({ code: 0, text: stdout }),
        ({ code, stderr }: { code: number; stderr: string }) => ({ code, text: stderr }),
      );
    }

    it('comment on the pull request of the event', async () => {
      const [event, plan] = [join(folder, 'event.json'), join(folder, 'plan.md')];
      writeFileSync(event, JSON.stringify({ pull_request: { number: 7 } }));
      writeFileSync(plan, '### Plan\n');
      const done = await proxOps(['ci', 'comment', 'plan', plan], { GITHUB_EVENT_PATH: event });
      assert.deepEqual(done, { code: 0, text: 'Comment <!-- prox-ops: plan -->: written.\n' });
      assert.deepEqual(bodies(), ['<!-- prox-ops: plan -->\n### Plan']);
      writeFileSync(event, '{}');
      const none = await proxOps(['ci', 'comment', 'plan', plan], { GITHUB_EVENT_PATH: event });
      assert.equal(none.code, 1);
      assert.match(none.text, /Expected a pull request in the event of the job/);
    });

    it('make issues of what was looked at and of jobs, and refuse another file', async () => {
      const file = join(folder, 'looked.json');
      writeFileSync(file, JSON.stringify([{ id: 'health', ok: false, title: 'not well', text: 'x' }]));
      const done = await proxOps(['ci', 'issues', file, '--job', 'rehearsal=failure', '--job', 'other=skipped']);
      assert.equal(done.text, '✗ health: issue opened\n✗ rehearsal: issue opened\n');
      assert.deepEqual(
        github.open().map(({ title }) => title),
        ['not well', 'The job rehearsal fails'],
      );

      writeFileSync(file, '[{"id": "Health"}]');
      const wrong = await proxOps(['ci', 'issues', file]);
      assert.equal(wrong.code, 1);
      assert.match(
        wrong.text,
        /expected what `prox-ops ci look` writes, found:\n {2}0\.id: expected the name of a check/,
      );
      assert.match((await proxOps(['ci', 'issues', '--job', 'x'])).text, /--job: expected NAME=RESULT, .* found x/);
    });

    it('decide, by what was merged, and hand that on to later jobs', async () => {
      const output = join(folder, 'output');
      const decided = await proxOps(['ci', 'decide', 'a'.repeat(40), '--stack', 'prod', '-C', REPOSITORY], {
        GITHUB_OUTPUT: output,
      });
      assert.equal(decided.code, 1);
      assert.match(decided.text, /Expected a{40}:\.\/Pulumi\.prod\.yaml, found/);
      assert.match(
        (await proxOps(['ci', 'decide', '0'.repeat(40), '--stack', 'prod', '-C', REPOSITORY])).text,
        /Expected a commit to compare with, found '0{40}'\. Start the rollout by hand/,
      );
      const { stdout } = await promisify(execFile)('git', ['rev-parse', 'HEAD'], { cwd: REPOSITORY });
      const same = await proxOps(['ci', 'decide', stdout.trim(), '--stack', 'prod', '-C', REPOSITORY], {
        GITHUB_OUTPUT: output,
        GITHUB_STEP_SUMMARY: join(folder, 'summary.md'),
      });
      assert.match(
        same.text,
        /^No rollout starts by itself: nothing that control planes are made from has changed\.\n$/,
      );
      assert.match(readFileSync(output, 'utf8'), /^roll<<(end-\S+)\nfalse\n\1\nmajor<</);
      assert.match(readFileSync(join(folder, 'summary.md'), 'utf8'), /^### No rollout starts by itself/);
    });
  });
});
