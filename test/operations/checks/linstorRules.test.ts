import assert from 'node:assert/strict';
import type { LinstorResource, LinstorVolume } from '../../../operations/src/clients/linstorTypes';
import {
  faults,
  guardedReplicas,
  nodeFaults,
  received,
  sizeOf,
  syncing,
  unsettled,
} from '../../../operations/src/checks/linstorRules';
import { diskful } from '../support/fakeLinstor';

/** A healthy DRBD replica, changed as the test wants. */
function replica(change: Partial<LinstorResource> = {}, volume: Partial<LinstorVolume> = {}): LinstorResource {
  const base = diskful('db-1', 'alpha', 1024, 'UpToDate');
  return { ...base, volumes: [{ ...(base.volumes?.[0] as LinstorVolume), ...volume }], ...change };
}

const connected = (connections: Record<string, { connected: boolean; message: string }>): Partial<LinstorResource> => ({
  layer_object: { type: 'DRBD', drbd: { connections } },
});

describe('linstor rules (what `resource list --faulty` shows)', () => {
  const faulty: [string, LinstorResource, RegExp][] = [
    [
      'a connection that is down',
      replica(connected({ bravo: { connected: false, message: 'StandAlone' } })),
      /StandAlone to bravo/,
    ],
    ['a replica being deleted', replica({ flags: ['DELETE'] }), /DELETING/],
    ['a DRBD delete', replica({ flags: ['DRBD_DELETE'] }), /DELETING/],
    ['an inactive one', replica({ flags: ['INACTIVE'] }), /INACTIVE/],
    ['an evicted one', replica({ flags: ['INACTIVE', 'EVICTED'] }), /INACTIVE/],
    ['Inconsistent', replica({}, { state: { disk_state: 'Inconsistent' } }), /Inconsistent/],
    ['Failed', replica({}, { state: { disk_state: 'Failed' } }), /Failed/],
    ['DUnknown', replica({}, { state: { disk_state: 'DUnknown' } }), /DUnknown/],
    ['Outdated', replica({}, { state: { disk_state: 'Outdated' } }), /Outdated/],
    ['a state nobody has heard of', replica({}, { state: { disk_state: 'Sideways' } }), /Sideways/],
    ['a replica that synchronises', replica({}, { state: { disk_state: 'SyncTarget(32.91%)' } }), /SyncTarget/],
    ['a DRBD volume without a state', replica({}, { state: {} }), /no disk state/],
    ['Diskless without the flag: it lost its disk', replica({}, { state: { disk_state: 'Diskless' } }), /Diskless/],
    ['a skipped disk', replica({ effective_props: { 'DrbdOptions/SkipDisk': { value: 'True' } } }), /SkipDisk/],
  ];
  for (const [what, resource, pattern] of faulty) {
    it(`${what} is faulty`, () => assert.match(faults([resource]).join(), pattern));
  }

  it('an offline satellite shows no state at all (152): unknown is faulty', () => {
    const silent = replica();
    delete silent.state;
    delete silent.volumes?.[0]?.state;
    assert.deepEqual(faults([silent]), ['db-1 on alpha: unknown, its satellite does not report']);
  });

  const sound: [string, LinstorResource][] = [
    ['UpToDate', replica(connected({ bravo: { connected: true, message: 'Connected' } }))],
    ['a diskless client', replica({ flags: ['DISKLESS', 'DRBD_DISKLESS'] }, { state: { disk_state: 'Diskless' } })],
    [
      'a tie breaker',
      replica({ flags: ['DISKLESS', 'DRBD_DISKLESS', 'TIE_BREAKER'] }, { state: { disk_state: 'Diskless' } }),
    ],
    [
      'a volume without DRBD has an empty state',
      replica({ state: {}, layer_object: { type: 'STORAGE' } }, { state: {} }),
    ],
    ['the evacuation flag by itself', replica({ flags: ['EVACUATE'] })],
  ];
  for (const [what, resource] of sound) {
    it(`${what} is not faulty`, () => assert.deepEqual(faults([resource]), []));
  }

  it('connecting, synchronising and deleting are movement; being at rest is not', () => {
    assert.match(
      unsettled([replica(connected({ b: { connected: false, message: 'Connecting' } }))]).join(),
      /Connecting to b/,
    );
    assert.match(unsettled([replica({ flags: ['DELETE'] })]).join(), /DELETING/);
    for (const replication_state of [
      'SyncSource',
      'SyncTarget',
      'PausedSyncT',
      'WFBitMapS',
      'StartingSyncS',
      'Ahead',
    ]) {
      const state = { disk_state: 'UpToDate', replication_states: { b: { replication_state } } };
      assert.match(unsettled([replica({}, { state })]).join(), new RegExp(`${replication_state} with b`));
    }
    const atRest = {
      disk_state: 'UpToDate',
      replication_states: { b: { replication_state: 'Established' }, c: { replication_state: 'VerifyS' } },
    };
    assert.deepEqual(unsettled([replica({}, { state: atRest })]), []);
    assert.deepEqual(unsettled([replica(connected({ b: { connected: false, message: 'StandAlone' } }))]), []);
  });

  it('guarded replicas: diskful, on the node, in the pool, whatever the case of names', () => {
    const all = [
      replica(),
      replica({ node_name: 'ALPHA' }),
      replica({ node_name: 'bravo' }),
      replica({ flags: ['DISKLESS', 'DRBD_DISKLESS', 'TIE_BREAKER'] }),
      replica({}, { storage_pool_name: 'other' }),
    ];
    assert.equal(guardedReplicas(all, 'alpha', 'LVM-THICK').length, 2);
  });

  it('progress is in the disk state of the one that receives', () => {
    assert.equal(received(replica({}, { state: { disk_state: 'SyncTarget(25.00%)' } })), 0.25);
    assert.equal(received(replica()), undefined);
    assert.deepEqual(syncing(replica()), []);
  });

  it('size: what is allocated, else what the layers say', () => {
    assert.equal(sizeOf(replica()), 1024 * 1024);
    const layers = { allocated_size_kib: 0, layer_data_list: [{ type: 'STORAGE', data: { usable_size_kib: 8 } }] };
    assert.equal(sizeOf(replica({}, layers)), 8192);
  });

  it('satellites: only ONLINE without flags can be relied on; other kinds of nodes hold no data', () => {
    const nodes = [
      { name: 'a', type: 'SATELLITE', connection_status: 'ONLINE' },
      { name: 'b', type: 'Satellite', connection_status: 'FULL_SYNC_FAILED' },
      { name: 'c', type: 'COMBINED', connection_status: 'ONLINE', flags: ['DELETE', 'EVICTED'] },
      { name: 'd', type: 'CONTROLLER', connection_status: 'OFFLINE' },
      { name: 'e', type: 'SATELLITE', connection_status: 'OFFLINE' },
    ];
    assert.deepEqual(nodeFaults(nodes, 'E'), ['satellite b: FULL_SYNC_FAILED', 'satellite c: DELETE, EVICTED']);
  });
});
