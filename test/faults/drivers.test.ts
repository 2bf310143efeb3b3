import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { cordoned, generations, release, seen, talosVersions } from '../support/engine-cluster';
import { Turns } from '../support/turns';
import { holds } from '../support/verdict';

describe('R000-2 two runs at once, and a person at the keyboard', () => {
  let turns: Turns;

  before(async () => {
    turns = await Turns.start(116, { lockTimeout: 1 });
    await release(turns.engine, 'v1.12.5');
  });

  after(async () => {
    await turns.engine.close();
  });

  it('two drivers: one works, the other exits with 5 and names it', async () => {
    const { engine } = turns;
    const first = engine.begin('roll', '--yes', '--json', '--nodes', 'k8s-work-1');
    const finished = engine.finished(first);
    await seen(first, /"phase\.started","node":"k8s-work-1","phase":"drain"/);
    const second = await engine.proxOps('roll', '--yes', '--nodes', 'k8s-work-2');
    assert.equal(second.code, 5, second.output);
    assert.match(second.output, /The stack is locked: held by \S+@\S+ \(pid \d+\) since .* Gave up after 1 s/);
    assert.equal((await finished).code, 0);
    assert.equal(talosVersions(engine)['k8s-work-2'], 'v1.12.4');
    await holds(engine);
  });

  it('Ctrl-C while the VM stands: the node is put back, exit 130', async () => {
    const { engine } = turns;
    const before = generations(engine);
    const driver = engine.begin('roll', '--yes', '--json', '--nodes', 'k8s-work-2', 'k8s-work-3');
    const finished = engine.finished(driver);
    await seen(driver, /"phase\.started","node":"k8s-work-2","phase":"drain"/);
    driver.kill('SIGINT');
    const { code, output } = await finished;
    assert.equal(code, 130, output);
    assert.deepEqual(generations(engine), before);
    assert.equal(await cordoned(engine, 'k8s-work-2'), false);
    await holds(engine);
  });

  it('Ctrl-C once the VM is gone: the node is finished, the next not begun', async () => {
    const { engine } = turns;
    const driver = engine.begin('roll', '--yes', '--json', '--nodes', 'k8s-work-2', 'k8s-work-3');
    const finished = engine.finished(driver);
    await seen(driver, /"phase\.started","node":"k8s-work-2","phase":"create VM"/);
    driver.kill('SIGINT');
    const { code, output } = await finished;
    assert.equal(code, 130, output);
    assert.equal(talosVersions(engine)['k8s-work-2'], 'v1.12.5');
    assert.equal(talosVersions(engine)['k8s-work-3'], 'v1.12.4');
    assert.equal(await cordoned(engine, 'k8s-work-2'), false);
    await holds(engine);
  });

  /** What the terminal's driver sends to everybody whom the shell has started for the command. */
  function toGroup({ pid }: ChildProcess, signal: 'SIGINT' | 'SIGHUP'): void {
    assert.ok(pid);
    process.kill(-pid, signal);
  }

  const STANDS = [
    ['turn', 'k8s-work-1'],
    ['drain', 'k8s-work-1'],
    ['evacuate', 'k8s-work-1'],
  ] as const;

  for (const [phase, node] of STANDS) {
    it(`Ctrl-C on a terminal reaches everybody, and npm passes it on as well: one press, at ${phase}`, async () => {
      const { engine } = turns;
      await turns.releaseFor(node);
      const before = generations(engine);
      const driver = engine.beginInGroup('roll', '--yes', '--json', '--nodes', node);
      const finished = engine.finished(driver);
      await seen(driver, new RegExp(`"phase\\.started","node":"${node}","phase":"${phase}"`));
      toGroup(driver, 'SIGINT');
      driver.kill('SIGINT');
      const { code, output } = await finished;
      assert.equal(code, 130, output);
      assert.doesNotMatch(output, /Stopped at once|terminating/);
      assert.deepEqual(generations(engine), before);
      assert.equal(await cordoned(engine, node), false);
      await holds(engine);
    });
  }

  it('Ctrl-C on a terminal once the VM is gone: the node is finished', async () => {
    const { engine } = turns;
    const target = await turns.releaseFor('k8s-work-1');
    const driver = engine.beginInGroup('roll', '--yes', '--json', '--nodes', 'k8s-work-1');
    const finished = engine.finished(driver);
    await seen(driver, /"phase\.started","node":"k8s-work-1","phase":"create VM"/);
    toGroup(driver, 'SIGINT');
    driver.kill('SIGINT');
    const { code, output } = await finished;
    // It was the last one: all that was asked for is done.
    assert.equal(code, 0, output);
    assert.doesNotMatch(output, /Stopped at once|terminating/);
    assert.equal(talosVersions(engine)['k8s-work-1'], target);
    assert.equal(await cordoned(engine, 'k8s-work-1'), false);
    await holds(engine);
  });

  it('the terminal is closed: nobody reads any more, and the node is put back all the same', async () => {
    const { engine } = turns;
    await turns.releaseFor('k8s-work-1');
    const before = generations(engine);
    const driver = engine.beginInGroup('roll', '--yes', '--nodes', 'k8s-work-1');
    const finished = engine.finished(driver);
    await seen(driver, /k8s-work-1.*drain/);
    driver.stdout?.destroy();
    driver.stderr?.destroy();
    toGroup(driver, 'SIGHUP');
    // A shell that ends sends it to its jobs, and the system once more to the terminal's.
    toGroup(driver, 'SIGHUP');
    const { code } = await finished;
    assert.equal(code, 130);
    assert.deepEqual(generations(engine), before);
    assert.equal(await cordoned(engine, 'k8s-work-1'), false);
    await holds(engine);
  });

  it('whoever reads goes away: the run goes on', async () => {
    const { engine } = turns;
    const target = await turns.releaseFor('k8s-work-1');
    const driver = engine.begin('roll', '--yes', '--nodes', 'k8s-work-1');
    const finished = engine.finished(driver);
    await seen(driver, /k8s-work-1.*drain/);
    driver.stdout?.destroy();
    driver.stderr?.destroy();
    const { code } = await finished;
    assert.equal(code, 0);
    assert.equal(talosVersions(engine)['k8s-work-1'], target);
    await holds(engine);
  });
});
