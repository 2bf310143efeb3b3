import assert from 'node:assert/strict';
import { NEW, Scene } from './scene.js';

/** Workers out as a run takes them: drained and evacuated one after the other, their VMs gone together. */
function takeOut(scene: Scene, ...names: string[]): void {
  for (const name of names) scene.kubernetes.set(name, { cordoned: true });
  // Of two replicas the one on worker-2 stays.
  scene.replica('pvc-1', 'worker-1', 'UpToDate', 'deleted');
  for (const name of names) scene.deleteVm(name);
}

describe('safety monitor, I1 where several workers were announced', () => {
  it('two nodes out with the limit 1, which nobody changed, are a violation', async () => {
    const scene = new Scene().build();
    takeOut(scene, 'worker-1', 'worker-3');
    assert.match(
      (await scene.verdict('I1')).violations[0]?.what ?? '',
      /worker-3 .*cordoned.* while worker-1 \(cordoned\)/,
    );
  });

  it('two workers out and back with the limit 2 are none, and the verdict says what was announced', async () => {
    const scene = new Scene().build();
    scene.monitor.allowWorkersOut(2);
    takeOut(scene, 'worker-1', 'worker-3');
    for (const name of ['worker-1', 'worker-3']) scene.join(name, NEW);
    assert.deepEqual(await scene.violated(), []);
    assert.match((await scene.verdict('I1')).says, /, or up to 2 workers as was announced$/);
  });

  it('a third one out with the limit 2 is a violation, with the limit as evidence', async () => {
    const scene = new Scene().build();
    scene.monitor.allowWorkersOut(2);
    for (const name of ['worker-1', 'worker-3']) scene.leave(name);
    assert.deepEqual(await scene.violated(), []);
    scene.kubernetes.set('worker-2', { cordoned: true });
    const { violations } = await scene.verdict('I1');
    assert.equal(violations.length, 1);
    assert.match(violations[0]?.what ?? '', /worker-2 .* while worker-1 \(cordoned\) and worker-3 \(cordoned\)/);
    assert.equal(violations[0]?.evidence['limit'], 2);
  });

  it('a worker beside a control plane is a violation whatever was announced, either way round', async () => {
    for (const [first, second] of [
      ['control-2', 'worker-1'],
      ['worker-1', 'control-2'],
    ] as const) {
      const scene = new Scene().build();
      scene.monitor.allowWorkersOut(3);
      scene.kubernetes.set(first, { cordoned: true });
      scene.kubernetes.set(second, { cordoned: true });
      assert.equal((await scene.verdict('I1')).violations.length, 1, `${first}, ${second}`);
    }
  });

  it('two control planes are a violation whatever was announced', async () => {
    const scene = new Scene().build();
    scene.monitor.allowWorkersOut(3);
    scene.kubernetes.set('control-1', { cordoned: true });
    scene.kubernetes.set('control-2', { cordoned: true });
    assert.equal((await scene.verdict('I1')).violations.length, 1);
  });

  it('a worker that is broken by itself is no mate', async () => {
    const scene = new Scene().build();
    scene.monitor.allowWorkersOut(2);
    scene.kubernetes.set('worker-2', { ready: false });
    scene.kubernetes.set('worker-1', { cordoned: true });
    assert.equal((await scene.verdict('I1')).violations.length, 1);
  });

  it('the limit 1 is the rule again once it is told so', async () => {
    const scene = new Scene().build();
    scene.monitor.allowWorkersOut(2);
    scene.monitor.allowWorkersOut(1);
    takeOut(scene, 'worker-1', 'worker-3');
    assert.deepEqual(await scene.violated(), ['I1']);
  });

  it('takes a whole number above 0 alone', () => {
    const scene = new Scene();
    for (const wrong of [0, -1, 1.5, NaN]) assert.throws(() => scene.monitor.allowWorkersOut(wrong), RangeError);
  });
});
