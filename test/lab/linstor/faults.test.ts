import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { once } from 'node:events';
import { seedResources, startLinstor } from '../../../lab/linstor/index.js';
import { machine, withLab, type Lab } from './support.js';
import { testAddress } from '../../support/network';

const THREE = ['alpha', 'bravo', 'charlie'];

function seedDb(lab: Lab): void {
  seedResources(lab.controller, [{ name: 'db', sizeGib: 4, placeCount: 2, nodes: ['alpha', 'bravo'] }]);
}

/** Waits for the port to open again without asking it over and over: the fault's end opens it within a few turns. */
async function settled(): Promise<void> {
  for (let i = 0; i < 20; i += 1) await new Promise((resolve) => setImmediate(resolve));
}

describe('LINSTOR faults', () => {
  it('evacuation-no-capacity: no pool has room, in the view as for the autoplacer', () =>
    withLab(THREE, async (lab) => {
      seedDb(lab);
      lab.faults.set('evacuation-no-capacity');
      const { body: pools } = await lab.get<{ free_capacity: number }[]>(
        '/v1/view/storage-pools?storage_pools=lvm-thick',
      );
      assert.deepEqual(
        pools.map((pool) => pool.free_capacity),
        [0, 0, 0],
      );
      const { status, body } = await lab.call('PUT', '/v1/nodes/alpha/evacuate');
      assert.deepEqual([status, body[0]?.ret_code], [200, '-9223372036854774788']);
      lab.faults.clear('evacuation-no-capacity');
      assert.equal((await lab.call('PUT', '/v1/nodes/alpha/evacuate')).body.at(-1)?.message, "Added disk on 'charlie'");
    }));

  it('sync-stuck: running syncs stop where they are and go on when it is lifted', () =>
    withLab(THREE, async (lab) => {
      seedDb(lab);
      await lab.call('PUT', '/v1/nodes/alpha/evacuate');
      await lab.clock.advance(1000);
      lab.faults.set('sync-stuck');
      await lab.clock.advance(3_600_000);
      assert.equal((await lab.replicas('db'))['charlie'], 'SyncTarget(25.00%)');
      lab.faults.clear('sync-stuck');
      await lab.clock.advance(3000);
      assert.deepEqual(Object.keys(await lab.replicas('db')), ['bravo', 'charlie']);
    }));

  it('sync-stuck: a sync that starts meanwhile stays at its beginning', () =>
    withLab(THREE, async (lab) => {
      seedDb(lab);
      lab.faults.set('sync-stuck');
      await lab.call('PUT', '/v1/nodes/alpha/evacuate');
      await lab.clock.advance(60_000);
      assert.equal((await lab.replicas('db'))['charlie'], 'SyncTarget(0.00%)');
    }));

  it('resource-faulty: one replica of the node Inconsistent, its connections down on both ends, until lifted', () =>
    withLab(THREE, async (lab) => {
      seedDb(lab);
      seedResources(lab.controller, [{ name: 'web', sizeGib: 1, placeCount: 2, nodes: ['alpha', 'bravo'] }]);
      lab.faults.set('resource-faulty', 'alpha');
      assert.equal((await lab.replicas('db'))['alpha'], 'Inconsistent');
      assert.equal((await lab.resource('db', 'alpha')).layer_object.drbd?.connections?.['bravo']?.connected, false);
      assert.equal((await lab.resource('db', 'bravo')).layer_object.drbd?.connections?.['alpha']?.connected, false);
      assert.equal((await lab.replicas('web'))['alpha'], 'UpToDate');
      assert.deepEqual(lab.eventsOf('linstor.faulty').at(-1)?.resources, ['db']);
      lab.faults.clear('resource-faulty', 'alpha');
      assert.equal((await lab.replicas('db'))['alpha'], 'UpToDate');
      assert.deepEqual(lab.eventsOf('linstor.faulty').at(-1)?.resources, []);
    }));

  it('resource-faulty: waits for a replica when the node has none', () =>
    withLab(THREE, async (lab) => {
      lab.faults.set('resource-faulty', 'alpha');
      seedDb(lab);
      assert.equal((await lab.replicas('db'))['alpha'], 'Inconsistent');
    }));

  it('satellite-never-back: the node stays OFFLINE after a boot, until lifted', () =>
    withLab(THREE, async (lab) => {
      const status = async (): Promise<string> =>
        (await lab.get<{ connection_status: string }>('/v1/nodes/alpha')).body.connection_status;
      lab.faults.set('satellite-never-back', 'alpha');
      assert.equal(await status(), 'ONLINE', 'not before a boot');
      lab.controller.satelliteDown('alpha');
      lab.controller.satelliteUp(machine('alpha', 2));
      await lab.clock.advance(3_600_000);
      assert.equal(await status(), 'OFFLINE');
      lab.faults.clear('satellite-never-back', 'alpha');
      assert.equal(await status(), 'ONLINE');
    }));

  it('linstor-unreachable: connections are dropped and refused, until lifted', () =>
    withLab(THREE, async (lab) => {
      const idle = connect(lab.port, lab.address);
      await once(idle, 'connect');
      idle.resume();
      const dropped = once(idle, 'close');
      lab.faults.set('linstor-unreachable');
      await dropped;
      await assert.rejects(lab.get('/v1/nodes'), { code: 'ECONNREFUSED' });
      lab.faults.clear('linstor-unreachable');
      await settled();
      assert.equal((await lab.get('/v1/nodes')).status, 200);
    }));

  it('linstor-unreachable: from before the start, and switched quickly, ends as it was last set', () =>
    withLab(THREE, async (lab) => {
      lab.faults.set('linstor-unreachable');
      const other = await startLinstor(lab.world, lab.controller, { address: testAddress(104, '0.2'), port: lab.port });
      try {
        for (let i = 0; i < 3; i += 1) {
          lab.faults.clear('linstor-unreachable');
          lab.faults.set('linstor-unreachable');
        }
        await settled();
        await assert.rejects(lab.get('/v1/nodes'), { code: 'ECONNREFUSED' });
      } finally {
        await other.close();
      }
    }));

  it('linstor-silent: takes the connection and never answers; what hung is cut off when it is lifted', () =>
    withLab(THREE, async (lab) => {
      lab.faults.set('linstor-silent');
      let answered = false;
      const hanging = lab.get('/v1/nodes').then(() => (answered = true));
      const cut = assert.rejects(hanging, { code: 'ECONNRESET' });
      const probe = connect(lab.port, lab.address);
      await once(probe, 'connect');
      probe.destroy();
      await settled();
      assert.equal(answered, false);
      lab.faults.clear('linstor-silent');
      await cut;
      assert.equal((await lab.get('/v1/nodes')).status, 200);
    }));
});
