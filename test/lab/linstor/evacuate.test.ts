import assert from 'node:assert/strict';
import { seedResources } from '../../../lab/linstor/index.js';
import { machine, withLab, type Lab } from './support.js';

const THREE = ['alpha', 'bravo', 'charlie'];
const FOUR = [...THREE, 'delta'];
const NOT_EVACUATING = '-9223372036854774788';

/** db is on alpha and bravo, its tie breaker on charlie; 4 GiB that take 4 s to sync. */
function seedDb(lab: Lab): void {
  seedResources(lab.controller, [{ name: 'db', sizeGib: 4, placeCount: 2, nodes: ['alpha', 'bravo'] }]);
}

/** No tie breaker, so that an evacuation takes the autoplace path and not the toggle path. */
async function withoutTieBreaker(lab: Lab): Promise<void> {
  await lab.call('DELETE', '/v1/resource-definitions/db/resources/charlie');
}

async function flags(lab: Lab, node: string): Promise<string[] | undefined> {
  return (await lab.get<{ flags?: string[] }>(`/v1/nodes/${node}`)).body.flags;
}

describe('LINSTOR evacuate', () => {
  it('returns before the sync: the new replica is a target, the old one still there', () =>
    withLab(THREE, async (lab) => {
      seedDb(lab);
      const { status } = await lab.call('PUT', '/v1/nodes/alpha/evacuate', {});
      assert.equal(status, 200);
      await lab.clock.advance(1000);
      assert.deepEqual(await lab.replicas('db'), {
        alpha: 'EVACUATE UpToDate',
        bravo: 'UpToDate',
        charlie: 'SyncTarget(25.00%)',
      });
    }));

  it('deletes the old replica by itself once the new one is UpToDate, and keeps the flag on the node', () =>
    withLab(THREE, async (lab) => {
      seedDb(lab);
      await lab.call('PUT', '/v1/nodes/alpha/evacuate', {});
      await lab.clock.advance(3999);
      assert.ok('alpha' in (await lab.replicas('db')));
      await lab.clock.advance(1);
      assert.deepEqual(await lab.replicas('db'), { bravo: 'UpToDate', charlie: 'UpToDate' });
      assert.deepEqual(await flags(lab, 'alpha'), ['EVACUATE']);
      const again = await lab.call('PUT', '/v1/nodes/alpha/evacuate', {});
      assert.deepEqual([again.status, again.text], [200, '[]'], 'a drained node');
    }));

  it('never has fewer UpToDate copies on the way, as its events tell', () =>
    withLab(THREE, async (lab) => {
      seedDb(lab);
      const states = new Map<string, string>();
      const counts: number[] = [];
      const copies = (): number => [...states.values()].filter((state) => state === 'UpToDate').length;
      for (const event of lab.eventsOf('linstor.replica')) if (event.diskful) states.set(event.node, event.state);
      lab.events.on('linstor.replica', (event) => {
        if (event.change === 'deleted') states.delete(event.node);
        else if (event.diskful) states.set(event.node, event.state);
        counts.push(copies());
      });
      await lab.call('PUT', '/v1/nodes/alpha/evacuate', {});
      await lab.clock.advance(4000);
      assert.equal(Math.min(...counts), 2);
      assert.equal(copies(), 2);
    }));

  it('notes where a replica is migrated from, in upper case', () =>
    withLab(THREE, async (lab) => {
      seedDb(lab);
      await lab.call('PUT', '/v1/nodes/alpha/evacuate', {});
      assert.equal((await lab.resource('db', 'alpha')).props['MigrateFrom'], 'ALPHA');
      const target = { DiskfulBy: 'auto-placer', MigrateFrom: 'ALPHA', StorPoolName: 'lvm-thick' };
      assert.deepEqual((await lab.resource('db', 'charlie')).props, target);
      await lab.clock.advance(4000);
      assert.equal((await lab.resource('db', 'charlie')).props['MigrateFrom'], undefined);
    }));

  it('asked twice during the sync, with no third node: a warning, and the migration goes on', () =>
    withLab(THREE, async (lab) => {
      seedDb(lab);
      await lab.call('PUT', '/v1/nodes/alpha/evacuate', {});
      const { status, body } = await lab.call('PUT', '/v1/nodes/alpha/evacuate', {});
      assert.equal(status, 200);
      assert.deepEqual(
        body.map((entry) => [entry.ret_code, entry.message]),
        [[NOT_EVACUATING, "Resource 'db' cannot be evacuated as no available storage pool was found"]],
      );
      await lab.clock.advance(4000);
      assert.deepEqual(Object.keys(await lab.replicas('db')), ['bravo', 'charlie']);
    }));

  it('with no target warns with 200 and leaves the replica with its flag', () =>
    withLab(THREE, async (lab) => {
      seedDb(lab);
      await withoutTieBreaker(lab);
      const { status, body } = await lab.call('PUT', '/v1/nodes/alpha/evacuate', { do_not_target: ['charlie'] });
      assert.deepEqual([status, body[0]?.ret_code], [200, NOT_EVACUATING]);
      await lab.clock.advance(10_000);
      assert.deepEqual(await lab.replicas('db'), { alpha: 'EVACUATE UpToDate', bravo: 'UpToDate' });
    }));

  it('goes where it is told to', () =>
    withLab(FOUR, async (lab) => {
      seedDb(lab);
      await withoutTieBreaker(lab);
      await lab.call('PUT', '/v1/nodes/alpha/evacuate', { target: ['DELTA'] });
      await lab.clock.advance(4000);
      assert.deepEqual(await lab.replicas('db'), { bravo: 'UpToDate', delta: 'UpToDate' });
      const both = await lab.call('PUT', '/v1/nodes/bravo/evacuate', { target: ['alpha'], do_not_target: ['delta'] });
      assert.equal(both.status, 500);
      assert.equal(await flags(lab, 'bravo'), undefined);
    }));

  it('of an unknown node is a 404 with cause and correction', () =>
    withLab(THREE, async (lab) => {
      const { status, body } = await lab.call('PUT', '/v1/nodes/nosuch/evacuate');
      assert.equal(status, 404);
      assert.equal(body[0]?.ret_code, '-4611686018427387604');
      assert.equal(body[0]?.correction, "Create a node with the name 'nosuch' first.");
    }));

  it('simply deletes a diskless replica', () =>
    withLab(THREE, async (lab) => {
      seedDb(lab);
      const { status, body } = await lab.call('PUT', '/v1/nodes/charlie/evacuate');
      assert.equal(status, 200);
      assert.equal(body.at(-1)?.message, 'Node: charlie, Resource: db deletion complete.');
      assert.deepEqual(await lab.replicas('db'), { alpha: 'UpToDate', bravo: 'UpToDate' });
    }));

  it('simply deletes a surplus replica, at once and without a replacement', () =>
    withLab(THREE, async (lab) => {
      seedDb(lab);
      await lab.call('POST', '/v1/resource-definitions/db/resources/charlie', { resource: {} });
      await lab.clock.advance(4000);
      assert.deepEqual(await lab.replicas('db'), { alpha: 'UpToDate', bravo: 'UpToDate', charlie: 'UpToDate' });
      assert.equal((await lab.call('PUT', '/v1/nodes/charlie/evacuate')).status, 200);
      assert.deepEqual(await lab.replicas('db'), { alpha: 'UpToDate', bravo: 'UpToDate' });
    }));

  it('simply deletes a replica that is not UpToDate, even when too few others are', () =>
    withLab(FOUR, async (lab) => {
      seedDb(lab);
      await lab.call('PUT', '/v1/nodes/alpha/evacuate');
      await lab.clock.advance(1000);
      await lab.call('PUT', '/v1/nodes/charlie/evacuate');
      assert.ok(!('charlie' in (await lab.replicas('db'))), 'the sync target is gone');
      await lab.clock.advance(10_000);
      assert.equal(
        (await lab.replicas('db'))['alpha'],
        'EVACUATE UpToDate',
        'and with it the watch that would delete the old one',
      );
    }));

  it('of a single replica makes one replacement, whatever the place count', () =>
    withLab(['alpha', 'bravo'], async (lab) => {
      seedDb(lab);
      await lab.call('DELETE', '/v1/nodes/bravo');
      lab.controller.satelliteUp(machine('bravo'));
      assert.deepEqual(await lab.replicas('db'), { alpha: 'UpToDate' });
      assert.equal((await lab.call('PUT', '/v1/nodes/alpha/evacuate')).status, 200);
      await lab.clock.advance(4000);
      assert.deepEqual(await lab.replicas('db'), { bravo: 'UpToDate' });
    }));

  it('does nothing for resources without DRBD but warn', () =>
    withLab(THREE, async (lab) => {
      await lab.call('POST', '/v1/resource-groups', {
        name: 'plain',
        select_filter: { place_count: 1, layer_stack: ['STORAGE'] },
      });
      await lab.call('POST', '/v1/resource-groups/plain/spawn', {
        resource_definition_name: 'files',
        volume_sizes: [8192],
      });
      const { status, body } = await lab.call('PUT', '/v1/nodes/alpha/evacuate');
      assert.equal(status, 200);
      assert.equal(body[0]?.message, "Resource 'files' cannot be evacuated as it is not a DRBD resource");
      assert.deepEqual((await lab.resource('files', 'alpha')).flags, ['EVACUATE']);
    }));

  it('makes a tie breaker where there are nodes for one, when the migration is done', () =>
    withLab(FOUR, async (lab) => {
      seedDb(lab);
      await lab.call('PUT', '/v1/nodes/alpha/evacuate');
      await lab.clock.advance(4000);
      assert.deepEqual(await lab.replicas('db'), {
        bravo: 'UpToDate',
        charlie: 'UpToDate',
        delta: 'DISKLESS DRBD_DISKLESS TIE_BREAKER Diskless',
      });
    }));

  it('takes the satellites 1.5 s at most on real time, and answers after the state has changed', () =>
    withLab(
      THREE,
      async (lab) => {
        await lab.clock.advance(15_000);
        seedDb(lab);
        const written = new Promise((resolve) => lab.events.on('api.write', resolve));
        const answer = lab.call('PUT', '/v1/nodes/alpha/evacuate');
        let answered = false;
        void answer.then(() => (answered = true));
        await written;
        assert.equal((await lab.replicas('db'))['alpha'], 'EVACUATE UpToDate');
        assert.equal(answered, false);
        await lab.clock.advance(1500);
        assert.equal((await answer).status, 200);
      },
      { satellite: 15_000 },
    ));
});

describe('LINSTOR evacuate of a resource in use', () => {
  it('with a tie breaker: 500, yet the flags stay, nothing migrates, and unmounting does not start it', () =>
    withLab(THREE, async (lab) => {
      seedDb(lab);
      lab.controller.setInUse('db', 'bravo', true);
      const { status, body } = await lab.call('PUT', '/v1/nodes/bravo/evacuate', {});
      assert.equal(status, 500);
      assert.equal(body[0]?.ret_code, '-4611686018390424603');
      assert.equal(body[0]?.correction, "Un-mount resource 'db' on the node 'bravo'.");
      assert.deepEqual(await flags(lab, 'bravo'), ['EVACUATE']);
      lab.controller.setInUse('db', 'bravo', false);
      await lab.clock.advance(60_000);
      assert.deepEqual(await lab.replicas('db'), {
        alpha: 'UpToDate',
        bravo: 'EVACUATE UpToDate',
        charlie: 'DISKLESS DRBD_DISKLESS TIE_BREAKER Diskless',
      });
      assert.equal((await lab.call('PUT', '/v1/nodes/bravo/evacuate', {})).status, 200);
      await lab.clock.advance(4000);
      assert.deepEqual(await lab.replicas('db'), { alpha: 'UpToDate', charlie: 'UpToDate' });
    }));

  it('without a diskless peer: synced, and the old one goes when it is closed', () =>
    withLab(THREE, async (lab) => {
      seedDb(lab);
      await withoutTieBreaker(lab);
      lab.controller.setInUse('db', 'alpha', true);
      assert.equal((await lab.call('PUT', '/v1/nodes/alpha/evacuate', {})).status, 200);
      await lab.clock.advance(60_000);
      assert.deepEqual(await lab.replicas('db'), {
        alpha: 'EVACUATE UpToDate',
        bravo: 'UpToDate',
        charlie: 'UpToDate',
      });
      lab.controller.setInUse('db', 'alpha', false);
      assert.deepEqual(await lab.replicas('db'), { bravo: 'UpToDate', charlie: 'UpToDate' });
    }));

  it('keeps no other resource from moving', () =>
    withLab(THREE, async (lab) => {
      seedDb(lab);
      seedResources(lab.controller, [{ name: 'web', sizeGib: 1, placeCount: 2, nodes: ['alpha', 'bravo'] }]);
      lab.controller.setInUse('db', 'alpha', true);
      assert.equal((await lab.call('PUT', '/v1/nodes/alpha/evacuate', {})).status, 500);
      await lab.clock.advance(4000);
      assert.deepEqual(Object.keys(await lab.replicas('web')), ['bravo', 'charlie']);
      assert.ok('alpha' in (await lab.replicas('db')));
    }));
});

describe('LINSTOR evacuate of an OFFLINE node', () => {
  it('builds the replacement from the peer and warns; the old replica stays until the node is lost', () =>
    withLab(THREE, async (lab) => {
      seedDb(lab);
      lab.controller.satelliteDown('alpha');
      const { status, body } = await lab.call('PUT', '/v1/nodes/alpha/evacuate', {});
      assert.equal(status, 200);
      assert.ok(body.some((entry) => entry.ret_code === '-9223372036817812502'));
      await lab.clock.advance(60_000);
      assert.deepEqual(await lab.replicas('db'), { alpha: 'EVACUATE unknown', bravo: 'UpToDate', charlie: 'UpToDate' });
      assert.equal((await lab.call('DELETE', '/v1/nodes/alpha/lost')).status, 200);
      assert.deepEqual(await lab.replicas('db'), { bravo: 'UpToDate', charlie: 'UpToDate' });
    }));

  it('that drops out during the sync ends the watch: its replica stays, and goes with the next evacuate', () =>
    withLab(THREE, async (lab) => {
      seedDb(lab);
      await lab.call('PUT', '/v1/nodes/alpha/evacuate', {});
      lab.controller.satelliteDown('alpha');
      await lab.clock.advance(60_000);
      lab.controller.satelliteUp(machine('alpha'));
      await lab.clock.advance(60_000);
      assert.deepEqual(await lab.replicas('db'), {
        alpha: 'EVACUATE UpToDate',
        bravo: 'UpToDate',
        charlie: 'UpToDate',
      });
      await lab.call('PUT', '/v1/nodes/alpha/evacuate', {});
      assert.deepEqual(await lab.replicas('db'), { bravo: 'UpToDate', charlie: 'UpToDate' });
    }));

  it('keeps a surplus replica marked for deletion until its satellite is back', () =>
    withLab(THREE, async (lab) => {
      seedDb(lab);
      await lab.call('POST', '/v1/resource-definitions/db/resources/charlie', { resource: {} });
      await lab.clock.advance(4000);
      lab.controller.satelliteDown('charlie');
      await lab.call('DELETE', '/v1/resource-definitions/db/resources/charlie');
      assert.deepEqual((await lab.resource('db', 'charlie')).flags, ['DELETE', 'DRBD_DELETE']);
      lab.controller.satelliteUp(machine('charlie'));
      assert.notEqual((await lab.replicas('db'))['charlie'], 'DELETE DRBD_DELETE UpToDate');
    }));
});

describe('LINSTOR restore', () => {
  it('takes the flags off node and replicas, and leaves MigrateFrom', () =>
    withLab(THREE, async (lab) => {
      seedDb(lab);
      await withoutTieBreaker(lab);
      await lab.call('PUT', '/v1/nodes/alpha/evacuate', { do_not_target: ['charlie'] });
      const { status, body } = await lab.call('PUT', '/v1/nodes/alpha/restore', {});
      assert.equal(status, 200);
      assert.ok(
        body.some((entry) => entry.ret_code === '3932160' && entry.message === 'Successfully restored node alpha'),
      );
      assert.equal(await flags(lab, 'alpha'), undefined);
      const replica = await lab.resource('db', 'alpha');
      assert.deepEqual([replica.flags, replica.props['MigrateFrom']], [undefined, 'ALPHA']);
    }));

  it('during the sync does not call the migration back: the old replica still goes', () =>
    withLab(THREE, async (lab) => {
      seedDb(lab);
      await lab.call('PUT', '/v1/nodes/alpha/evacuate', {});
      await lab.clock.advance(1000);
      assert.equal((await lab.call('PUT', '/v1/nodes/alpha/restore', {})).status, 200);
      assert.equal((await lab.replicas('db'))['alpha'], 'UpToDate');
      await lab.clock.advance(3000);
      assert.deepEqual(await lab.replicas('db'), {
        alpha: 'DISKLESS DRBD_DISKLESS TIE_BREAKER Diskless',
        bravo: 'UpToDate',
        charlie: 'UpToDate',
      });
    }));

  it('of a drained node may make it a tie breaker', () =>
    withLab(THREE, async (lab) => {
      seedDb(lab);
      await lab.call('PUT', '/v1/nodes/alpha/evacuate', {});
      await lab.clock.advance(4000);
      const { body } = await lab.call('PUT', '/v1/nodes/alpha/restore', {});
      assert.ok(body.some((entry) => entry.message === "Tie breaker resource 'db' created on alpha"));
      assert.equal((await lab.replicas('db'))['alpha'], 'DISKLESS DRBD_DISKLESS TIE_BREAKER Diskless');
    }));

  it('of a node without either flag is a 500 with code 0', () =>
    withLab(THREE, async (lab) => {
      const { status, body } = await lab.call('PUT', '/v1/nodes/alpha/restore', {});
      assert.deepEqual([status, body[0]?.ret_code], [500, '-4611686018427387904']);
      assert.equal((await lab.call('PUT', '/v1/nodes/nosuch/restore', {})).status, 404);
    }));

  it('with delete_resources keeps the last copy, which keeps its EVACUATE flag', () =>
    withLab(['alpha', 'bravo'], async (lab) => {
      seedDb(lab);
      await lab.call('DELETE', '/v1/nodes/bravo');
      await lab.call('PUT', '/v1/nodes/alpha/evacuate');
      const { status, body } = await lab.call('PUT', '/v1/nodes/alpha/restore', { delete_resources: true });
      assert.equal(status, 200);
      assert.equal(body[0]?.ret_code, '-9223372036854774805');
      assert.equal(await flags(lab, 'alpha'), undefined);
      assert.equal((await lab.replicas('db'))['alpha'], 'EVACUATE UpToDate');
    }));

  it('with delete_resources deletes what others have as well', () =>
    withLab(THREE, async (lab) => {
      seedDb(lab);
      await lab.call('PUT', '/v1/nodes/alpha/evacuate', { do_not_target: ['charlie'] });
      await lab.call('PUT', '/v1/nodes/alpha/restore', { delete_resources: true });
      assert.ok(!(await lab.replicas('db'))['alpha']?.startsWith('UpToDate'));
    }));
});

describe('LINSTOR while a node is evacuated', () => {
  it('places nothing on it and refuses what is put there by hand, with an error report', () =>
    withLab(['alpha', 'bravo'], async (lab) => {
      await lab.call('PUT', '/v1/nodes/alpha/evacuate');
      await lab.call('POST', '/v1/resource-definitions', { resource_definition: { name: 'web' } });
      await lab.call('POST', '/v1/resource-definitions/web/volume-definitions', {
        volume_definition: { size_kib: 8192 },
      });
      const placed = await lab.call('POST', '/v1/resource-definitions/web/autoplace', {
        select_filter: { place_count: 2 },
      });
      assert.deepEqual([placed.status, placed.body[0]?.ret_code], [500, '-4611686018407201820']);
      const byHand = await lab.call('POST', '/v1/resource-definitions/web/resources/alpha', {
        resource: { props: { StorPoolName: 'lvm-thick' } },
      });
      assert.deepEqual([byHand.status, byHand.body[0]?.ret_code], [500, '-4611686018407201841']);
      assert.equal(byHand.body[0]?.error_report_ids?.length, 1);
    }));
});
