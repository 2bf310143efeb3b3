import assert from 'node:assert/strict';
import { storageReport } from '../../../operations/src/index';
import { World } from '../support/world';

describe('what became of the replicated volumes', () => {
  let world: World;

  beforeEach(() => void (world = new World()));

  const volume = (name: string, driver = 'linstor.csi.linbit.com'): void =>
    world.kubernetes.put(`/api/v1/persistentvolumes/${name}`, {
      spec: { csi: { driver, volumeHandle: name }, claimRef: { namespace: 'data', name: `claim-of-${name}` } },
    });

  const state = (name: string, node: string, disk: string): void => {
    const replica = world.linstor.replica(name, node);
    Object.assign(replica.volumes?.[0]?.state ?? {}, { disk_state: disk });
  };

  it('taken up again, with too few replicas, without data, not known at all', async () => {
    for (const name of ['whole', 'one', 'syncs', 'lost', 'gone']) volume(name);
    volume('elsewhere', 'rbd.csi.ceph.com');
    for (const node of ['w1', 'w2']) state('whole', node, 'UpToDate');
    state('one', 'w1', 'UpToDate');
    state('syncs', 'w1', 'UpToDate');
    state('syncs', 'w2', 'SyncTarget(12.00%)');
    for (const node of ['w1', 'w2']) state('lost', node, 'Inconsistent');
    assert.deepEqual(await storageReport(world.kubernetes, world.linstor), {
      adopted: ['whole'],
      degraded: ['one: 1 of 2 replicas UpToDate', 'syncs: 1 of 2 replicas UpToDate, SyncTarget(12.00%)'],
      lost: ['lost'],
      unknown: ['gone (claim data/claim-of-gone)'],
    });
  });

  it('an empty LINSTOR has lost nothing that Kubernetes still counts on', async () => {
    assert.deepEqual(await storageReport(world.kubernetes, world.linstor), {
      adopted: [],
      degraded: [],
      lost: [],
      unknown: [],
    });
  });
});
