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
      degraded: [
        'one (claim data/claim-of-one): 1 of 2 replicas UpToDate',
        'syncs (claim data/claim-of-syncs): 1 of 2 replicas UpToDate, SyncTarget(12.00%)',
      ],
      lost: ['lost (claim data/claim-of-lost): no replica has its data, w1 Inconsistent, w2 Inconsistent'],
      unknown: ['gone (claim data/claim-of-gone)'],
      nodes: [],
    });
  });

  it('UpToDate on nothing but new disks is lost, unless it is as new as they are', async () => {
    const made = (name: string, node: string, created: number) =>
      void world.linstor.replica(name, node, 1, { create_timestamp: created });
    for (const node of ['w1', 'w2']) {
      made('before', node, 1_000);
      made('after', node, 3_000);
    }
    made('half', 'w1', 1_000);
    made('half', 'w3', 1_000);
    const report = await storageReport(world.kubernetes, world.linstor, { nodes: ['w1', 'w2'], since: 2_000 });
    assert.deepEqual(report.adopted.sort(), ['after', 'half']);
    assert.deepEqual(report.lost, [
      'before: no replica has its data, w1 UpToDate on a new disk, w2 UpToDate on a new disk',
    ]);
  });

  it('names satellites that are not to be relied on', async () => {
    world.linstor.find('w1').flags = ['EVACUATE'];
    const { nodes } = await storageReport(world.kubernetes, world.linstor);
    assert.deepEqual(nodes, ['satellite w1: EVACUATE']);
  });

  it('an empty LINSTOR has lost nothing that Kubernetes still counts on', async () => {
    assert.deepEqual(await storageReport(world.kubernetes, world.linstor), {
      adopted: [],
      degraded: [],
      lost: [],
      unknown: [],
      nodes: [],
    });
  });
});
