import assert from 'node:assert/strict';
import { seedResources } from '../../../lab/linstor/index.js';
import { withLab, type Entry, type Lab, type Resource } from './support.js';

const THREE = ['alpha', 'bravo', 'charlie'];
const GIB_KIB = 1024 * 1024;

async function create(lab: Lab, name: string, sizeKib = 8192): Promise<void> {
  await lab.call('POST', '/v1/resource-definitions', { resource_definition: { name } });
  await lab.call('POST', `/v1/resource-definitions/${name}/volume-definitions`, {
    volume_definition: { size_kib: sizeKib },
  });
}

describe('LINSTOR resources', () => {
  it('are defined, given a volume (200, not 201) and placed, with a tie breaker', () =>
    withLab(THREE, async (lab) => {
      const defined = await lab.call('POST', '/v1/resource-definitions', { resource_definition: { name: 'db' } });
      assert.deepEqual([defined.status, defined.body[0]?.ret_code], [201, '20447233']);
      const volume = await lab.call('POST', '/v1/resource-definitions/db/volume-definitions', {
        volume_definition: { size_kib: 8192 },
      });
      assert.deepEqual([volume.status, volume.body[0]?.ret_code], [200, '19922945']);
      const placed = await lab.call('POST', '/v1/resource-definitions/db/autoplace', {
        select_filter: { place_count: 2 },
      });
      assert.equal(placed.status, 201);
      assert.ok(placed.body.some((entry) => entry.ret_code === '4611686018447582995'));
      assert.deepEqual((await lab.resource('db', 'charlie')).flags, ['DISKLESS', 'DRBD_DISKLESS', 'TIE_BREAKER']);
    }));

  it('sync in full: the first replica is UpToDate at once, the second shows a percentage that moves', () =>
    withLab(THREE, async (lab) => {
      await create(lab, 'db', 2 * GIB_KIB);
      await lab.call('POST', '/v1/resource-definitions/db/autoplace', {});
      await lab.clock.advance(658);
      const target = await lab.resource('db', 'bravo');
      assert.equal(target.volumes[0]?.state?.disk_state, 'SyncTarget(32.90%)');
      const states = target.volumes[0].state.replication_states;
      assert.deepEqual(states?.['alpha'], { replication_state: 'SyncTarget', done_percentage: 32.900001525878906 });
      assert.deepEqual(states['charlie'], { replication_state: 'Established' }, 'no percentage');
      const source = (await lab.resource('db', 'alpha')).volumes[0]?.state;
      assert.equal(source?.disk_state, 'UpToDate');
      assert.equal(source?.replication_states?.['bravo']?.replication_state, 'SyncSource');
      await lab.clock.advance(1000);
      assert.equal((await lab.replicas('db'))['bravo'], 'SyncTarget(82.90%)');
      await lab.clock.advance(342);
      assert.equal((await lab.replicas('db'))['bravo'], 'UpToDate');
    }));

  it('have a port of their own, connections, and a promotion score that tells who has the data', () =>
    withLab(THREE, async (lab) => {
      seedResources(lab.controller, [
        { name: 'db', sizeGib: 1, placeCount: 2 },
        { name: 'web', sizeGib: 1, placeCount: 3 },
      ]);
      const db = (await lab.resource('db', 'alpha')).layer_object.drbd;
      const web = (await lab.resource('web', 'alpha')).layer_object.drbd;
      assert.deepEqual([db?.tcp_ports, web?.tcp_ports], [[7000], [7001]]);
      assert.deepEqual(db?.connections, {
        bravo: { connected: true, message: 'Connected' },
        charlie: { connected: true, message: 'Connected' },
      });
      assert.deepEqual([db.may_promote, db.promotion_score], [true, 10101]);
      assert.equal((await lab.resource('db', 'charlie')).layer_object.drbd?.promotion_score, 1);
    }));

  it('take whole extents with DRBD metadata from their pool', () =>
    withLab(THREE, async (lab) => {
      seedResources(lab.controller, [{ name: 'db', sizeGib: 1, placeCount: 2, nodes: ['alpha', 'bravo'] }]);
      const { body } = await lab.get<{ free_capacity: number }[]>(
        '/v1/view/storage-pools?storage_pools=lvm-thick&nodes=alpha',
      );
      assert.equal(body[0]?.free_capacity, 100 * GIB_KIB - (GIB_KIB + 4096));
      assert.equal((await lab.resource('db', 'alpha')).volumes[0]?.allocated_size_kib, GIB_KIB + 4096);
    }));

  it('that are stored plainly have an empty state and cannot be told good from bad', () =>
    withLab(['alpha'], async (lab) => {
      await lab.call('POST', '/v1/resource-groups', {
        name: 'plain',
        select_filter: { place_count: 1, layer_stack: ['STORAGE'] },
      });
      await lab.call('POST', '/v1/resource-groups/plain/spawn', {
        resource_definition_name: 'files',
        volume_sizes: [8192],
      });
      const files = await lab.resource('files', 'alpha');
      assert.deepEqual(files.state, {});
      assert.equal(files.volumes[0]?.state, undefined);
      assert.equal(files.layer_object.type, 'STORAGE');
    }));

  it('without room anywhere are an error 996 that says what was missing', () =>
    withLab(THREE, async (lab) => {
      await create(lab, 'big', 200 * GIB_KIB);
      const { status, body } = await lab.call('POST', '/v1/resource-definitions/big/autoplace', {
        select_filter: { place_count: 2, storage_pool: 'lvm-thick' },
      });
      assert.deepEqual([status, body[0]?.ret_code], [500, '-4611686018407201820']);
      assert.match(body[0]!.details!, /at least '209715200' free space/);
      const byHand = await lab.call('POST', '/v1/resource-definitions/big/resources/alpha', {
        resource: { props: { StorPoolName: 'lvm-thick' } },
      });
      assert.equal(byHand.status, 500);
    }));

  it('deleted from a node that has none: a warning with 200; in use: refused', () =>
    withLab(THREE, async (lab) => {
      seedResources(lab.controller, [{ name: 'db', sizeGib: 1, placeCount: 2, nodes: ['alpha', 'bravo'] }]);
      const none = await lab.call('DELETE', '/v1/resource-definitions/db/resources/nosuch');
      assert.deepEqual([none.status, none.body[0]?.ret_code], [200, '-9223372036801033288']);
      lab.controller.setInUse('db', 'alpha', true);
      const used = await lab.call('DELETE', '/v1/resource-definitions/db/resources/alpha');
      assert.deepEqual([used.status, used.body[0]?.ret_code], [500, '-4611686018373647387']);
      assert.equal((await lab.call('DELETE', '/v1/resource-definitions/db')).status, 500);
      lab.controller.setInUse('db', 'alpha', false);
      assert.equal((await lab.call('DELETE', '/v1/resource-definitions/db')).status, 200);
      assert.deepEqual(await lab.replicas('db'), {});
    }));

  it('deleted from one of three nodes turn it into the tie breaker instead', () =>
    withLab(THREE, async (lab) => {
      seedResources(lab.controller, [{ name: 'db', sizeGib: 1, placeCount: 3 }]);
      await lab.call('DELETE', '/v1/resource-definitions/db/resources/charlie');
      assert.equal((await lab.replicas('db'))['charlie'], 'DISKLESS DRBD_DISKLESS TIE_BREAKER Diskless');
      const keep = '/v1/resource-definitions/db/resources/charlie?keep_tiebreaker=true';
      await lab.call('DELETE', keep);
      assert.ok('charlie' in (await lab.replicas('db')));
      await lab.call('DELETE', '/v1/resource-definitions/db/resources/charlie');
      assert.ok(!('charlie' in (await lab.replicas('db'))), 'a tie breaker deleted by hand does not come back');
    }));
});

describe('LINSTOR view/resources', () => {
  it('narrows by node, resource and pool; an unknown node is a 404, the others match nothing', () =>
    withLab(THREE, async (lab) => {
      seedResources(lab.controller, [
        { name: 'db', sizeGib: 1, placeCount: 2, nodes: ['alpha', 'bravo'] },
        { name: 'web', sizeGib: 1, placeCount: 3 },
      ]);
      const view = async (query: string): Promise<string[]> =>
        (await lab.get<Resource[]>(`/v1/view/resources?${query}`)).body.map((item) => `${item.name}/${item.node_name}`);
      assert.deepEqual(await view('nodes=ALPHA&nodes=bravo&resources=DB'), ['db/alpha', 'db/bravo']);
      assert.deepEqual(await view('nodes=charlie&storage_pools=lvm-thick'), ['web/charlie']);
      assert.deepEqual(await view('limit=2&offset=1'), ['db/bravo', 'db/charlie']);
      assert.deepEqual(await view('resources=nosuch'), []);
      assert.deepEqual(await view('storage_pools=nosuch'), []);
      assert.deepEqual(await view('props=StorPoolName=lvm-thick&nodes=charlie'), ['web/charlie']);
      assert.equal((await view('faulty=true')).length, 6, 'not a filter there is');
      const unknown = await lab.get<Entry[]>('/v1/view/resources?nodes=nosuch');
      assert.deepEqual([unknown.status, unknown.body[0]?.ret_code], [404, '-4611686018427387604']);
      assert.equal((await lab.get('/v1/view/storage-pools?storage_pools=nosuch')).text, '[]');
    }));

  it('keeps a peer among the replication states after its replica has gone', () =>
    withLab(THREE, async (lab) => {
      seedResources(lab.controller, [{ name: 'db', sizeGib: 1, placeCount: 2, nodes: ['alpha', 'bravo'] }]);
      await lab.call('PUT', '/v1/nodes/alpha/evacuate');
      await lab.clock.advance(1000);
      const bravo = await lab.resource('db', 'bravo');
      assert.deepEqual(Object.keys(bravo.layer_object.drbd?.connections ?? {}), ['charlie']);
      assert.deepEqual(Object.keys(bravo.volumes[0]?.state?.replication_states ?? {}).sort(), ['alpha', 'charlie']);
    }));

  it('answers lookups of one object: 301, 302 and 317 are 404s', () =>
    withLab(THREE, async (lab) => {
      await create(lab, 'db');
      const codes = async (path: string): Promise<[number, string | undefined]> => {
        const { status, body } = await lab.get<Entry[]>(path);
        return [status, body[0]?.ret_code];
      };
      assert.deepEqual(await codes('/v1/resource-definitions/nosuch/resources'), [404, '-4611686018427387603']);
      assert.deepEqual(await codes('/v1/resource-definitions/db/resources/alpha'), [404, '-4611686018427387602']);
      assert.deepEqual(await codes('/v1/resource-groups/nosuch'), [404, '-4611686018427387587']);
      assert.equal((await lab.get('/v1/resource-definitions/db/resource-connections')).text, '[]');
      const definition = await lab.get<{ resource_group_name: string }>('/v1/resource-definitions/DB');
      assert.equal(definition.body.resource_group_name, 'DfltRscGrp');
      const volumes = await lab.get<{ size_kib: number }[]>('/v1/resource-definitions/db/volume-definitions');
      assert.equal(volumes.body[0]?.size_kib, 8192);
    }));
});

describe('LINSTOR volume definitions', () => {
  it('grow, never shrink, and have bounds', () =>
    withLab(['alpha'], async (lab) => {
      await create(lab, 'db', 16_384);
      const path = '/v1/resource-definitions/db/volume-definitions';
      assert.equal((await lab.call('PUT', `${path}/0`, { size_kib: 32_768 })).status, 200);
      assert.equal((await lab.call('PUT', `${path}/0`, { size_kib: 16_384 })).status, 500);
      assert.equal((await lab.call('PUT', `${path}/7`, { size_kib: 16_384 })).status, 404);
      assert.equal((await lab.call('POST', path, { volume_definition: { size_kib: 1 } })).status, 500);
      assert.equal(
        (await lab.call('POST', path, { volume_definition: { size_kib: 8192, volume_number: 0 } })).status,
        500,
      );
      assert.equal((await lab.get<{ size_kib: number }>(`${path}/0`)).body.size_kib, 32_768);
      assert.equal((await lab.call('DELETE', `${path}/0`)).status, 200);
      assert.equal((await lab.get(path)).text, '[]');
    }));
});
