import assert from 'node:assert/strict';
import { seedResources } from '../../../lab/linstor/index.js';
import { machine, withLab, type Lab } from './support.js';

const THREE = ['alpha', 'bravo', 'charlie'];

/** db is on alpha and bravo, its tie breaker on charlie; 4 GiB that take 4 s to sync. */
function seedDb(lab: Lab, placeCount: 2 | 3 = 2, nodes = ['alpha', 'bravo']): void {
  seedResources(lab.controller, [{ name: 'db', sizeGib: 4, placeCount, nodes }]);
}

function faulty(lab: Lab): string[][] {
  return lab.eventsOf('linstor.faulty').map((event) => event.resources);
}

describe('LINSTOR satellite that goes away', () => {
  it('takes every state with it: no state, no volume state, no connections', () =>
    withLab(THREE, async (lab) => {
      seedDb(lab);
      lab.controller.satelliteDown('alpha');
      const gone = await lab.resource('db', 'alpha');
      assert.equal(gone.state, undefined);
      assert.equal(gone.volumes[0]?.state, undefined);
      assert.equal(gone.layer_object.drbd?.connections, undefined);
      assert.equal(gone.layer_object.drbd?.may_promote, undefined);
    }));

  it('is a dropped connection to its peers, which makes the resource faulty', () =>
    withLab(THREE, async (lab) => {
      seedDb(lab);
      lab.controller.satelliteDown('alpha');
      const peer = await lab.resource('db', 'bravo');
      assert.deepEqual(peer.layer_object.drbd?.connections?.['alpha'], { connected: false, message: 'Connecting' });
      assert.equal(peer.volumes[0]?.state?.replication_states?.['alpha'], undefined);
      assert.deepEqual(faulty(lab), [['db']]);
      lab.controller.satelliteUp(machine('alpha'));
      assert.deepEqual(faulty(lab), [['db'], []]);
    }));

  it('finds its replicas UpToDate again after a reboot when nobody wrote meanwhile', () =>
    withLab(THREE, async (lab) => {
      seedDb(lab);
      lab.controller.setInUse('db', 'alpha', true);
      lab.controller.satelliteDown('alpha');
      await lab.clock.advance(60_000);
      lab.controller.satelliteUp(machine('alpha'));
      assert.equal((await lab.replicas('db'))['alpha'], 'UpToDate');
    }));

  it('has to catch up with what was written meanwhile, though not with everything', () =>
    withLab(THREE, async (lab) => {
      seedDb(lab);
      lab.controller.setInUse('db', 'bravo', true);
      lab.controller.satelliteDown('alpha');
      await lab.clock.advance(1000);
      lab.controller.setInUse('db', 'bravo', false);
      await lab.clock.advance(1000);
      lab.controller.satelliteUp(machine('alpha'));
      assert.match((await lab.replicas('db'))['alpha']!, /^SyncTarget/);
      await lab.clock.advance(100);
      assert.equal((await lab.replicas('db'))['alpha'], 'UpToDate');
    }));

  it('interrupts a sync that draws from it: the target is Inconsistent, and goes on where it was', () =>
    withLab(THREE, async (lab) => {
      seedDb(lab);
      await lab.call('DELETE', '/v1/resource-definitions/db/resources/charlie');
      await lab.call('DELETE', '/v1/nodes/bravo');
      assert.equal((await lab.call('PUT', '/v1/nodes/alpha/evacuate')).status, 200);
      await lab.clock.advance(2000);
      lab.controller.satelliteDown('alpha');
      assert.equal((await lab.replicas('db'))['charlie'], 'Inconsistent');
      await lab.clock.advance(60_000);
      lab.controller.satelliteUp(machine('alpha'));
      assert.equal((await lab.replicas('db'))['charlie'], 'SyncTarget(50.00%)');
      await lab.clock.advance(2000);
      assert.equal((await lab.replicas('db'))['charlie'], 'UpToDate');
    }));

  it('as one of two sources hands a running sync over to the other', () =>
    withLab(THREE, async (lab) => {
      seedDb(lab);
      await lab.call('POST', '/v1/resource-definitions/db/resources/charlie', { resource: {} });
      await lab.clock.advance(1000);
      lab.controller.satelliteDown('alpha');
      assert.equal((await lab.replicas('db'))['charlie'], 'SyncTarget(25.00%)');
      const source = (await lab.resource('db', 'bravo')).volumes[0]?.state?.replication_states?.['charlie'];
      assert.equal(source?.replication_state, 'SyncSource');
    }));
});

describe('LINSTOR satellite on a new VM with empty disks', () => {
  it('comes up with its replicas Inconsistent and syncs them in full from a peer', () =>
    withLab(THREE, async (lab) => {
      seedDb(lab);
      lab.controller.satelliteDown('alpha');
      lab.controller.satelliteUp(machine('alpha', 2));
      assert.equal((await lab.replicas('db'))['alpha'], 'SyncTarget(0.00%)');
      await lab.clock.advance(3999);
      assert.notEqual((await lab.replicas('db'))['alpha'], 'UpToDate');
      await lab.clock.advance(1);
      assert.equal((await lab.replicas('db'))['alpha'], 'UpToDate');
    }));

  it('has lost what nobody else holds, and the events say so', () =>
    withLab(['alpha'], async (lab) => {
      await lab.call('POST', '/v1/resource-definitions', { resource_definition: { name: 'solo' } });
      await lab.call('POST', '/v1/resource-definitions/solo/volume-definitions', {
        volume_definition: { size_kib: 8192 },
      });
      await lab.call('POST', '/v1/resource-definitions/solo/autoplace', { select_filter: { place_count: 1 } });
      lab.controller.satelliteDown('alpha');
      lab.controller.satelliteUp(machine('alpha', 2));
      await lab.clock.advance(3_600_000);
      assert.deepEqual(await lab.replicas('solo'), { alpha: 'Inconsistent' });
      assert.equal(lab.eventsOf('linstor.replica').at(-1)?.state, 'Inconsistent');
      assert.deepEqual(faulty(lab).at(-1), ['solo']);
      lab.controller.setInUse('solo', 'alpha', true);
      assert.equal((await lab.resource('solo', 'alpha')).state?.in_use, false, 'there is nothing to open');
    }));

  it('after every copy was on disks that are gone, nothing is UpToDate any more', () =>
    withLab(THREE, async (lab) => {
      seedDb(lab);
      for (const node of ['alpha', 'bravo']) {
        lab.controller.satelliteDown(node);
        lab.controller.satelliteUp(machine(node, 2));
      }
      await lab.clock.advance(3_600_000);
      const { alpha, bravo } = await lab.replicas('db');
      assert.deepEqual([alpha, bravo], ['Inconsistent', 'Inconsistent']);
    }));

  it('without a word of the old one going down is noticed all the same', () =>
    withLab(THREE, async (lab) => {
      seedDb(lab);
      lab.controller.satelliteUp(machine('alpha', 2));
      assert.match((await lab.replicas('db'))['alpha']!, /^SyncTarget/);
    }));

  it('that held nothing has nothing to lose', () =>
    withLab(THREE, async (lab) => {
      seedDb(lab);
      await lab.call('PUT', '/v1/nodes/alpha/evacuate');
      await lab.clock.advance(4000);
      lab.controller.satelliteDown('alpha');
      lab.controller.satelliteUp(machine('alpha', 2));
      await lab.call('PUT', '/v1/nodes/alpha/restore');
      assert.deepEqual(faulty(lab).at(-1), []);
      assert.equal((await lab.replicas('db'))['bravo'], 'UpToDate');
    }));
});

describe('LINSTOR resources in use', () => {
  it('are Primary where the workload is, and nobody may be promoted', () =>
    withLab(THREE, async (lab) => {
      seedDb(lab);
      lab.controller.setInUse('db', 'alpha', true);
      const alpha = await lab.resource('db', 'alpha');
      const bravo = await lab.resource('db', 'bravo');
      assert.deepEqual([alpha.state?.in_use, bravo.state?.in_use], [true, false]);
      assert.deepEqual([alpha.layer_object.drbd?.may_promote, bravo.layer_object.drbd?.may_promote], [false, false]);
    }));

  it('have one Primary: a second workload waits until the first has closed', () =>
    withLab(THREE, async (lab) => {
      seedDb(lab);
      lab.controller.setInUse('db', 'alpha', true);
      lab.controller.setInUse('db', 'bravo', true);
      assert.equal((await lab.resource('db', 'bravo')).state?.in_use, false);
      lab.controller.setInUse('db', 'alpha', false);
      assert.equal((await lab.resource('db', 'bravo')).state?.in_use, true);
    }));

  it('get a diskless replica where they have none, which goes with the workload', () =>
    withLab([...THREE, 'delta'], async (lab) => {
      seedDb(lab);
      lab.controller.setInUse('db', 'delta', true);
      assert.deepEqual((await lab.resource('db', 'delta')).flags, ['DISKLESS', 'DRBD_DISKLESS']);
      assert.ok(!('charlie' in (await lab.replicas('db'))), 'a third party is there, the tie breaker is not needed');
      lab.controller.setInUse('db', 'delta', false);
      assert.equal((await lab.replicas('db'))['delta'], 'DISKLESS DRBD_DISKLESS TIE_BREAKER Diskless', 'taken over');
    }));

  it('are opened when the satellite is there, if the workload is earlier', () =>
    withLab(THREE, async (lab) => {
      seedDb(lab);
      lab.controller.satelliteDown('alpha');
      lab.controller.setInUse('db', 'alpha', true);
      lab.controller.satelliteUp(machine('alpha'));
      assert.equal((await lab.resource('db', 'alpha')).state?.in_use, true);
    }));

  it('cannot be opened without quorum', () =>
    withLab(THREE, async (lab) => {
      seedDb(lab);
      lab.controller.satelliteDown('bravo');
      lab.controller.satelliteDown('charlie');
      assert.equal((await lab.resource('db', 'alpha')).layer_object.drbd?.may_promote, false);
      lab.controller.setInUse('db', 'alpha', true);
      assert.equal((await lab.resource('db', 'alpha')).state?.in_use, false);
      lab.controller.satelliteUp(machine('charlie'));
      assert.equal((await lab.resource('db', 'alpha')).state?.in_use, true);
    }));

  it('must exist to be opened; closing what is not there is no error', () =>
    withLab(THREE, async (lab) => {
      seedDb(lab);
      const { controller } = lab;
      assert.throws(
        () => controller.setInUse('web', 'alpha', true),
        /unknown LINSTOR resource 'web': expected one of db/,
      );
      controller.setInUse('web', 'alpha', false);
      assert.equal((await lab.resource('db', 'alpha')).state?.in_use, false);
    }));
});
