import assert from 'node:assert/strict';
import { Scene } from './scene.js';

describe('safety monitor, I3: storage first', () => {
  it('reports a VM stopped while a resource is faulty, once, with the resource', async () => {
    const scene = new Scene().build();
    scene.leave('worker-3');
    scene.emit({ type: 'linstor.faulty', resources: ['pvc-7'] });
    const seq = scene.seq + 1;
    scene.deleteVm('worker-3');
    const { violations } = await scene.verdict('I3');
    assert.equal(violations.length, 1);
    assert.equal(violations[0]?.seq, seq);
    assert.match(violations[0]?.what ?? '', /worker-3 was asked to stop while LINSTOR resources were faulty: pvc-7/);
  });

  it('reports a VM stopped without a request, as a hypervisor does that powers off first', async () => {
    const scene = new Scene().build();
    scene.emit({ type: 'linstor.faulty', resources: ['pvc-7'] });
    const { vmid, generation } = scene.node('worker-3');
    scene.emit({ type: 'vm.stopped', vmid, name: 'worker-3', generation });
    assert.match((await scene.verdict('I3')).violations[0]?.what ?? '', /worker-3 was stopped/);
  });

  it('reports a VM deleted while its node still holds a guarded replica', async () => {
    const scene = new Scene().build();
    scene.kubernetes.set('worker-1', { cordoned: true });
    scene.deleteVm('worker-1');
    const [violation] = (await scene.verdict('I3')).violations;
    assert.match(violation?.what ?? '', /its node held replicas in lvm-thick: pvc-1/);
    assert.deepEqual(
      (violation?.evidence['held'] as { node: string }[]).map(({ node }) => node),
      ['worker-1'],
    );
  });

  it('does not mind diskless replicas and other pools', async () => {
    const scene = new Scene().build();
    const replica = { type: 'linstor.replica' as const, change: 'created' as const, node: 'worker-3', flags: [] };
    scene.emit({ ...replica, resource: 'pvc-1', pool: 'lvm-thick', diskful: false, state: 'Diskless' });
    scene.emit({ ...replica, resource: 'scratch', pool: 'file-thin', diskful: true, state: 'UpToDate' });
    scene.replace('worker-3');
    assert.deepEqual(await scene.violated(), []);
  });

  it('reports the loss of the last UpToDate replica, whatever became of it', async () => {
    const scene = new Scene().build();
    scene.replica('pvc-1', 'worker-2', 'Inconsistent');
    assert.deepEqual(await scene.violated(), []);
    scene.replica('pvc-1', 'worker-1', 'UpToDate', 'deleted');
    const [violation] = (await scene.verdict('I3')).violations;
    assert.equal(violation?.seq, scene.seq);
    assert.match(violation?.what ?? '', /pvc-1 lost its last UpToDate replica, on worker-1/);
  });

  it('lets somebody delete a whole resource', async () => {
    const scene = new Scene().build();
    const path = '/v1/resource-definitions/PVC-1';
    scene.emit({ type: 'api.write', api: 'linstor', method: 'DELETE', path, subject: 'pvc-1' });
    for (const node of ['worker-1', 'worker-2']) scene.replica('pvc-1', node, 'UpToDate', 'deleted');
    assert.deepEqual(await scene.violated(), []);
  });
});
