import assert from 'node:assert/strict';
import { seedResources } from '../../../lab/linstor/index.js';
import { machine, withLab, type Entry, type Lab } from './support.js';

interface NodeView {
  name: string;
  type: string;
  flags?: string[];
  connection_status: string;
  resource_layers: string[];
  eviction_timestamp?: number;
  net_interfaces: { address: string; satellite_encryption_type: string }[];
}

async function node(lab: Lab, name: string): Promise<NodeView> {
  return (await lab.get<NodeView>(`/v1/nodes/${name}`)).body;
}

const THREE = ['alpha', 'bravo', 'charlie'];

/** db is on alpha and bravo, its tie breaker on charlie; size 4 GiB, 1 s for each GiB. */
function seedDb(lab: Lab, nodes = ['alpha', 'bravo']): void {
  seedResources(lab.controller, [{ name: 'db', sizeGib: 4, placeCount: 2, nodes }]);
}

describe('LINSTOR nodes', () => {
  it('register with their first satellite, OFFLINE, and are ONLINE when it answers', () =>
    withLab(
      [],
      async (lab) => {
        lab.controller.satelliteUp(machine('alpha'));
        assert.equal((await node(lab, 'alpha')).connection_status, 'OFFLINE');
        await lab.clock.advance(499);
        assert.equal((await node(lab, 'alpha')).connection_status, 'OFFLINE');
        await lab.clock.advance(1);
        const online = await node(lab, 'alpha');
        assert.deepEqual([online.type, online.connection_status, online.flags], ['SATELLITE', 'ONLINE', undefined]);
        assert.equal(online.net_interfaces[0]?.satellite_encryption_type, 'PLAIN');
        assert.deepEqual(
          lab.eventsOf('linstor.node').map((event) => [event.node, event.status]),
          [
            ['alpha', 'OFFLINE'],
            ['alpha', 'ONLINE'],
          ],
        );
      },
      { satellite: 500 },
    ));

  it('stay OFFLINE when the machine goes down before the satellite answered', () =>
    withLab(
      [],
      async (lab) => {
        lab.controller.satelliteUp(machine('alpha'));
        await lab.clock.advance(100);
        lab.controller.satelliteDown('alpha');
        await lab.clock.advance(1000);
        assert.equal((await node(lab, 'alpha')).connection_status, 'OFFLINE');
      },
      { satellite: 500 },
    ));

  it('have a thick LVM pool over their data disks, and a diskless one of 2^63-1', () =>
    withLab([], async (lab) => {
      lab.controller.satelliteUp(machine('alpha', 1, [100, 50]));
      const { text, body } = await lab.get<Record<string, unknown>[]>('/v1/nodes/alpha/storage-pools');
      const pools = Object.fromEntries(body.map((pool) => [pool['storage_pool_name'], pool]));
      assert.equal(pools['lvm-thick']?.['provider_kind'], 'LVM');
      assert.equal(pools['lvm-thick']?.['total_capacity'], 150 * 1024 * 1024);
      assert.equal(pools['lvm-thick']?.['free_capacity'], 150 * 1024 * 1024);
      assert.equal(pools['DfltDisklessStorPool']?.['provider_kind'], 'DISKLESS');
      assert.match(text, /"free_capacity":9223372036854775807,/);
    }));

  it('seem to support next to nothing, and their pools have no capacity, while they are OFFLINE', () =>
    withLab(['alpha'], async (lab) => {
      lab.controller.satelliteDown('alpha');
      assert.deepEqual((await node(lab, 'alpha')).resource_layers, ['STORAGE']);
      const { body } = await lab.get<{ total_capacity?: number; reports: Entry[] }[]>('/v1/view/storage-pools');
      for (const pool of body) {
        assert.equal(pool.total_capacity, undefined);
        assert.equal(pool.reports[0]?.ret_code, '-9223372036854774806');
      }
    }));

  it('are made by POST with a warning while no satellite answers, and authenticated when one does', () =>
    withLab(['alpha'], async (lab) => {
      const body = {
        name: 'delta',
        type: 'Satellite',
        net_interfaces: [{ name: 'default', address: '127.0.0.14', satellite_encryption_type: 'Plain' }],
      };
      const answer = await lab.call('POST', '/v1/nodes', body);
      assert.equal(answer.status, 201);
      assert.deepEqual(
        answer.body.map((entry) => entry.ret_code),
        ['20709377', '-9223372036834065430'],
      );
      await lab.call('DELETE', '/v1/nodes/alpha');
      const again = await lab.call('POST', '/v1/nodes', { ...body, name: 'alpha' });
      assert.deepEqual(
        again.body.map((entry) => entry.ret_code),
        ['20709377', '20709385'],
      );
      assert.equal((await node(lab, 'alpha')).connection_status, 'ONLINE');
      assert.equal((await lab.call('POST', '/v1/nodes', body)).body[0]?.message, "Node 'delta' already exists.");
    }));

  it('are found under any spelling of their name; an unknown filter is an empty list, an unknown name a 404', () =>
    withLab(THREE, async (lab) => {
      assert.equal((await node(lab, 'ALPHA')).name, 'alpha');
      const names = async (query: string): Promise<string[]> =>
        (await lab.get<NodeView[]>(`/v1/nodes?${query}`)).body.map((item) => item.name);
      assert.deepEqual(await names('nodes=ALPHA&nodes=charlie'), ['alpha', 'charlie']);
      assert.deepEqual(await names('nodes=nosuch'), []);
      assert.deepEqual(await names('limit=1&offset=1'), ['bravo']);
      assert.deepEqual(await names('offset=1'), THREE, 'an offset counts only with a limit');
      assert.deepEqual(await names('nosuchparameter=1'), THREE);
      const unknown = await lab.get<Entry[]>('/v1/nodes/nosuch');
      assert.deepEqual(
        [unknown.status, unknown.body[0]?.ret_code, unknown.body[0]?.cause],
        [404, '-4611686018427387604', undefined],
      );
    }));

  it('refuse a comma list with 500', () =>
    withLab(THREE, async (lab) => {
      const { status, body } = await lab.get<Entry[]>('/v1/nodes?nodes=alpha,bravo');
      assert.deepEqual([status, body[0]?.ret_code], [500, '-4611686018427387704']);
    }));
});

describe('LINSTOR node delete', () => {
  it('takes sole replicas along without protest', () =>
    withLab(['alpha'], async (lab) => {
      await lab.call('POST', '/v1/resource-definitions', { resource_definition: { name: 'solo' } });
      await lab.call('POST', '/v1/resource-definitions/solo/volume-definitions', {
        volume_definition: { size_kib: 8192 },
      });
      await lab.call('POST', '/v1/resource-definitions/solo/resources/alpha', {
        resource: { props: { StorPoolName: 'lvm-thick' } },
      });
      assert.deepEqual(await lab.replicas('solo'), { alpha: 'UpToDate' });
      const { status, body } = await lab.call('DELETE', '/v1/nodes/alpha');
      assert.equal(status, 200);
      assert.equal(body[0]?.message, "Node 'alpha' marked for deletion.");
      assert.equal(body.at(-1)?.message, "Node 'alpha' deleted.");
      assert.deepEqual(await lab.replicas('solo'), {});
      assert.equal(lab.eventsOf('linstor.replica').at(-1)?.change, 'deleted');
      assert.equal(lab.eventsOf('linstor.node').at(-1)?.status, 'DELETED');
    }));

  it('is refused with two entries while a resource is in use', () =>
    withLab(THREE, async (lab) => {
      seedDb(lab);
      lab.controller.setInUse('db', 'bravo', true);
      const { status, body } = await lab.call('DELETE', '/v1/nodes/bravo');
      assert.equal(status, 500);
      assert.deepEqual(
        body.map((entry) => entry.ret_code),
        ['-4611686018373123099', '-4611686018373123863'],
      );
      assert.equal((await node(lab, 'bravo')).flags, undefined);
    }));

  it('is refused for the last replica with a disk only when it has diskless peers', () =>
    withLab(THREE, async (lab) => {
      seedDb(lab);
      lab.controller.setInUse('db', 'charlie', true);
      await lab.call('DELETE', '/v1/resource-definitions/db/resources/alpha');
      const { status, body } = await lab.call('DELETE', '/v1/nodes/bravo');
      assert.equal(status, 500);
      assert.equal(body[0]?.message, "Last resource of 'db' with disk still has diskless resources attached.");
      assert.equal(body[1]?.ret_code, '-4611686018373123863');
    }));

  it('succeeds at once for an OFFLINE node, with a warning', () =>
    withLab(THREE, async (lab) => {
      seedDb(lab);
      lab.controller.satelliteDown('alpha');
      const { status, body } = await lab.call('DELETE', '/v1/nodes/alpha');
      assert.equal(status, 200);
      assert.ok(body.some((entry) => entry.ret_code === '-9223372036800510998'));
      assert.ok(!('alpha' in (await lab.replicas('db'))));
    }));

  it('has no effect on an unknown node and on an evicted one: warnings with 200', () =>
    withLab(THREE, async (lab) => {
      const unknown = await lab.call('DELETE', '/v1/nodes/nosuch');
      assert.deepEqual([unknown.status, unknown.body[0]?.ret_code], [200, '-9223372036800509000']);
      lab.controller.satelliteDown('alpha');
      await lab.call('PUT', '/v1/nodes/alpha/evict');
      const evicted = await lab.call('DELETE', '/v1/nodes/alpha');
      assert.deepEqual([evicted.status, evicted.body[0]?.ret_code], [200, '-9223372036800510983']);
      assert.equal((await lab.get('/v1/nodes/alpha')).status, 200);
    }));

  it('lost is refused while the satellite is online, and needs no satellite otherwise', () =>
    withLab(THREE, async (lab) => {
      seedDb(lab);
      const online = await lab.call('DELETE', '/v1/nodes/alpha/lost');
      assert.deepEqual([online.status, online.body[0]?.ret_code], [500, '-4611686018373123590']);
      lab.controller.satelliteDown('alpha');
      const lost = await lab.call('DELETE', '/v1/nodes/alpha/lost');
      assert.deepEqual([lost.status, lost.body[0]?.ret_code], [200, '54263810']);
      assert.ok(!('alpha' in (await lab.replicas('db'))));
      const unknown = await lab.call('DELETE', '/v1/nodes/alpha/lost');
      assert.deepEqual([unknown.status, unknown.body[0]?.ret_code], [200, '-9223372036800509000']);
    }));

  it('of a node that comes back registers it anew', () =>
    withLab(THREE, async (lab) => {
      await lab.call('DELETE', '/v1/nodes/charlie');
      await lab.clock.advance(10_000);
      assert.equal((await lab.get('/v1/nodes/charlie')).status, 404);
      lab.controller.satelliteUp(machine('charlie', 2));
      assert.equal((await node(lab, 'charlie')).connection_status, 'ONLINE');
    }));
});

describe('LINSTOR evict', () => {
  it('is refused for an online node', () =>
    withLab(THREE, async (lab) => {
      const { status, body } = await lab.call('PUT', '/v1/nodes/alpha/evict');
      assert.deepEqual([status, body[0]?.ret_code], [500, '-4611686018423454747']);
    }));

  it('gives the node the DELETE bit as well, switches its replicas off and makes them again elsewhere', () =>
    withLab(THREE, async (lab) => {
      seedDb(lab);
      lab.controller.satelliteDown('alpha');
      assert.equal((await lab.call('PUT', '/v1/nodes/alpha/evict')).status, 200);
      assert.deepEqual((await node(lab, 'alpha')).flags, ['DELETE', 'EVICTED']);
      assert.deepEqual((await lab.resource('db', 'alpha')).flags, ['INACTIVE', 'EVICTED']);
      await lab.clock.advance(4000);
      assert.equal((await lab.replicas('db'))['charlie'], 'UpToDate');
    }));

  it('keeps a returning satellite OFFLINE until the node is restored', () =>
    withLab(THREE, async (lab) => {
      lab.controller.satelliteDown('alpha');
      await lab.call('PUT', '/v1/nodes/alpha/evict');
      lab.controller.satelliteUp(machine('alpha'));
      assert.equal((await node(lab, 'alpha')).connection_status, 'OFFLINE');
      assert.equal((await lab.call('PUT', '/v1/nodes/alpha/restore')).status, 200);
      assert.deepEqual(
        [(await node(lab, 'alpha')).connection_status, (await node(lab, 'alpha')).flags],
        ['ONLINE', undefined],
      );
    }));

  it('happens by itself only when the property allows it, after its time', () =>
    withLab(THREE, async (lab) => {
      const minute = 60_000;
      lab.controller.satelliteDown('alpha');
      assert.equal((await node(lab, 'alpha')).eviction_timestamp, undefined);
      await lab.clock.advance(120 * minute);
      assert.equal((await node(lab, 'alpha')).flags, undefined);
      const props = { 'DrbdOptions/AutoEvictAllowEviction': 'True', 'DrbdOptions/AutoEvictAfterTime': '180' };
      assert.equal((await lab.call('POST', '/v1/controller/properties', { override_props: props })).status, 201);
      assert.equal((await node(lab, 'alpha')).eviction_timestamp, lab.clock.now() + 60 * minute);
      await lab.clock.advance(59 * minute);
      assert.equal((await node(lab, 'alpha')).flags, undefined);
      await lab.clock.advance(minute);
      assert.deepEqual((await node(lab, 'alpha')).flags, ['DELETE', 'EVICTED']);
    }));

  it('spares the nodes when too many are gone at once', () =>
    withLab(THREE, async (lab) => {
      const props = { 'DrbdOptions/AutoEvictAllowEviction': 'True' };
      await lab.call('POST', '/v1/controller/properties', { override_props: props });
      lab.controller.satelliteDown('alpha');
      lab.controller.satelliteDown('bravo');
      await lab.clock.advance(24 * 3600 * 1000);
      assert.equal((await node(lab, 'alpha')).flags, undefined);
    }));
});

describe('LINSTOR reconnect', () => {
  it('is a 404 with its own code for an unknown node, and keeps a known one ONLINE', () =>
    withLab(THREE, async (lab) => {
      const unknown = await lab.call('PUT', '/v1/nodes/nosuch/reconnect');
      assert.deepEqual([unknown.status, unknown.body[0]?.ret_code], [404, '-4611686018389901012']);
      assert.equal(
        (await lab.call('PUT', '/v1/nodes/alpha/reconnect')).body[0]?.message,
        'Nodes [alpha] will be reconnected.',
      );
      assert.equal((await node(lab, 'alpha')).connection_status, 'ONLINE');
    }));
});
