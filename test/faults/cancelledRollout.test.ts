import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cordoned, generations, powerCut, release, seen, talosVersions } from '../support/engine-cluster';
import { Turns } from '../support/turns';
import { holds } from '../support/verdict';

/** What GitHub does to a job that somebody cancels: a signal, soon afterwards the end of every process, then a last step. */
describe('a rollout whose job is cancelled', () => {
  let turns: Turns;
  let folder: string;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'prox-ops-cancelled-'));
    turns = await Turns.start(107);
    await release(turns.engine, 'v1.12.5');
  });

  after(async () => {
    rmSync(folder, { recursive: true, force: true });
    await turns.engine.close();
  });

  const summary = (name: string) => join(folder, name);

  it('is killed in a node’s turn, puts that node back in its last step, and says how to go on', async () => {
    const { engine } = turns;
    const before = generations(engine);
    const asked = {
      ROLL_NODES: 'k8s-work-2',
      ROLL_STRATEGY: 'replace',
      ROLL_REASON: 'release',
      GITHUB_STEP_SUMMARY: summary('roll.md'),
    };
    const job = engine.beginWith(asked, 'ci', 'roll', '--json');
    const ended = engine.finished(job);
    await seen(job, /"phase\.started","node":"k8s-work-2","phase":"evacuate"/);
    job.kill('SIGINT');
    powerCut(job);
    await ended;
    // What a job leaves that nobody could end cleanly: its summary says how far it was.
    assert.match(readFileSync(summary('roll.md'), 'utf8'), /^### roll: lab\n\n.*0 of 1 nodes/);

    const last = { GITHUB_STEP_SUMMARY: summary('stopped.md') };
    const stopped = await engine.proxOpsWith(last, 'ci', 'stopped');
    assert.equal(stopped.code, 0, stopped.output);
    assert.match(
      stopped.output,
      /Stopped cleanly: no node is out of the cluster\. Go on with: run this workflow again/,
    );
    assert.match(readFileSync(summary('stopped.md'), 'utf8'), /Stopped cleanly/);
    assert.equal(await cordoned(engine, 'k8s-work-2'), false);
    assert.deepEqual(generations(engine), before);
    await holds(engine);
  });

  it('goes on when it is run again, with the report of both', async () => {
    const { engine } = turns;
    const asked = { ROLL_NODES: 'k8s-work-2', ROLL_STRATEGY: 'replace', GITHUB_STEP_SUMMARY: summary('again.md') };
    const again = await engine.proxOpsWith(asked, 'ci', 'roll');
    assert.equal(again.code, 0, again.output);
    assert.equal(talosVersions(engine)['k8s-work-2'], 'v1.12.5');
    assert.match(readFileSync(summary('again.md'), 'utf8'), /\*\*done, exit code 0\*\*, 1 of 1 nodes/);
    await holds(engine);
  });

  it('is found stale before and well after: the scheduled look', async () => {
    const { engine } = turns;
    const looked = join(folder, 'looked.json');
    const done = await engine.proxOps('ci', 'look', looked);
    assert.equal(done.code, 0, done.output);
    const findings = JSON.parse(readFileSync(looked, 'utf8')) as { id: string; ok: boolean; text: string }[];
    const versions = findings.find(({ id }) => id === 'stale-versions');
    // The others still run the release before.
    assert.equal(versions?.ok, false);
    assert.match(versions?.text ?? '', /k8s-ctrl-1: Talos v1\.12\.4, wanted v1\.12\.5/);
    assert.doesNotMatch(versions?.text ?? '', /k8s-work-2: Talos/);
    assert.deepEqual(findings.find(({ id }) => id === 'secrets-age')?.ok, true);
    assert.doesNotMatch(readFileSync(looked, 'utf8'), /PRIVATE KEY|token:/);
  });
});
