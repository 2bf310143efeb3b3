import assert from 'node:assert/strict';
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
});
