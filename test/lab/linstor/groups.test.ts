import assert from 'node:assert/strict';
import { seedResources } from '../../../lab/linstor/index.js';
import { machine, withLab, type Lab } from './support.js';

const THREE = ['alpha', 'bravo', 'charlie'];

async function spawn(lab: Lab, name: string, sizes: number[] = [8192]): Promise<number> {
  const body = { resource_definition_name: name, volume_sizes: sizes };
  return (await lab.call('POST', '/v1/resource-groups/sc/spawn', body)).status;
}

async function createGroup(lab: Lab, placeCount: number): Promise<void> {
  const body = { name: 'sc', select_filter: { place_count: placeCount, storage_pool: 'lvm-thick' } };
  const { status, body: entries } = await lab.call('POST', '/v1/resource-groups', body);
  assert.deepEqual([status, entries[0]?.ret_code], [201, '21233665']);
}

describe('LINSTOR resource groups', () => {
  it('are there from the start with one of two replicas, and show a pool in both spellings', () =>
    withLab([], async (lab) => {
      await createGroup(lab, 2);
      const { body } = await lab.get<{ name: string; select_filter: object }[]>('/v1/resource-groups');
      assert.deepEqual(
        body.map((group) => [group.name, group.select_filter]),
        [
          ['DfltRscGrp', { place_count: 2 }],
          ['sc', { place_count: 2, storage_pool: 'lvm-thick', storage_pool_list: ['lvm-thick'] }],
        ],
      );
    }));

  it('spawn placed resources; a spawn that finds no nodes leaves nothing behind', () =>
    withLab(THREE, async (lab) => {
      await createGroup(lab, 2);
      assert.equal(await spawn(lab, 'db'), 201);
      assert.equal(Object.keys(await lab.replicas('db')).length, 3);
      assert.equal(await spawn(lab, 'db'), 500, 'exists');
      assert.equal(await spawn(lab, 'big', [500 * 1024 * 1024]), 500);
      assert.equal((await lab.get('/v1/resource-definitions/big')).status, 404);
    }));

  it('with volume groups want one size for each', () =>
    withLab(THREE, async (lab) => {
      await createGroup(lab, 2);
      const volume = await lab.call('POST', '/v1/resource-groups/sc/volume-groups', { volume_number: 0 });
      assert.deepEqual([volume.status, volume.body[0]?.ret_code], [201, '21495809']);
      assert.equal(await spawn(lab, 'db', [8192, 8192]), 500);
      assert.equal(await spawn(lab, 'db', [8192]), 201);
    }));

  it('adjust brings their resources up to the place count, and says so when it cannot', () =>
    withLab(THREE, async (lab) => {
      await createGroup(lab, 2);
      await spawn(lab, 'db');
      await lab.clock.advance(1000);
      await lab.call('PUT', '/v1/resource-groups/sc', { select_filter: { place_count: 3 } });
      assert.equal((await lab.call('POST', '/v1/resource-groups/sc/adjust', {})).status, 200);
      await lab.clock.advance(1000);
      assert.deepEqual(await lab.replicas('db'), { alpha: 'UpToDate', bravo: 'UpToDate', charlie: 'UpToDate' });
      await lab.call('PUT', '/v1/resource-groups/sc', { select_filter: { place_count: 4 } });
      for (const path of ['/v1/resource-groups/sc/adjust', '/v1/resource-groups/adjustall']) {
        const { status, body } = await lab.call('POST', path, {});
        assert.deepEqual([status, body[0]?.ret_code], [500, '-4611686018406153244'], path);
      }
      const unknown = await lab.call('POST', '/v1/resource-groups/nosuch/adjust', {});
      assert.deepEqual([unknown.status, unknown.body[0]?.ret_code], [404, '-4611686018406153923']);
    }));

  it('take the tie breakers of their resources away when told to', () =>
    withLab(THREE, async (lab) => {
      await createGroup(lab, 2);
      await spawn(lab, 'db');
      const property = { 'DrbdOptions/auto-add-quorum-tiebreaker': 'False' };
      const { status, body } = await lab.call('PUT', '/v1/resource-groups/sc', { override_props: property });
      assert.equal(status, 200);
      assert.ok(body.some((entry) => entry.message === 'Node: charlie, Resource: db deletion complete.'));
      assert.deepEqual(Object.keys(await lab.replicas('db')), ['alpha', 'bravo']);
    }));

  it('are deleted only when they are empty', () =>
    withLab(THREE, async (lab) => {
      await createGroup(lab, 2);
      await spawn(lab, 'db');
      assert.equal((await lab.call('DELETE', '/v1/resource-groups/sc')).status, 500);
      await lab.call('DELETE', '/v1/resource-definitions/db');
      assert.equal((await lab.call('DELETE', '/v1/resource-groups/sc')).status, 200);
    }));

  it('keep replicas apart or together by node properties', () =>
    withLab(THREE, async (lab) => {
      for (const [node, zone] of Object.entries({ alpha: 'a', bravo: 'a', charlie: 'b' })) {
        await lab.call('PUT', `/v1/nodes/${node}`, { override_props: { 'Aux/zone': zone } });
      }
      const placed = async (name: string, rule: object): Promise<string[]> => {
        await lab.call('POST', '/v1/resource-definitions', { resource_definition: { name } });
        await lab.call('POST', `/v1/resource-definitions/${name}/volume-definitions`, {
          volume_definition: { size_kib: 8192 },
        });
        await lab.call('POST', `/v1/resource-definitions/${name}/autoplace`, {
          select_filter: { place_count: 2, ...rule },
        });
        return Object.entries(await lab.replicas(name)).flatMap(([node, state]) =>
          state.includes('TIE') ? [] : [node],
        );
      };
      assert.deepEqual(await placed('db', { replicas_on_different: ['Aux/zone'] }), ['alpha', 'charlie']);
      assert.deepEqual(await placed('web', { replicas_on_same: ['Aux/zone'] }), ['alpha', 'bravo']);
    }));
});

describe('LINSTOR controller properties', () => {
  it('have auto-evict off, and are set, read and deleted, slashes and all', () =>
    withLab([], async (lab) => {
      const read = async (): Promise<Record<string, string>> =>
        (await lab.get<Record<string, string>>('/v1/controller/properties')).body;
      assert.equal((await read())['DrbdOptions/AutoEvictAllowEviction'], 'False');
      await lab.call('POST', '/v1/controller/properties', { override_props: { 'Aux/a/b': '1' } });
      assert.equal((await read())['Aux/a/b'], '1');
      assert.equal((await lab.call('DELETE', '/v1/controller/properties/Aux/a/b')).status, 200);
      assert.equal((await read())['Aux/a/b'], undefined);
    }));
});

describe('seeding LINSTOR resources', () => {
  it('places them UpToDate, in groups by place count, once', () =>
    withLab([...THREE, 'delta'], async (lab) => {
      const specs = [
        { name: 'pvc-1', sizeGib: 5, placeCount: 2 as const, nodes: ['bravo', 'charlie'] },
        { name: 'pvc-2', sizeGib: 5, placeCount: 3 as const },
      ];
      seedResources(lab.controller, specs);
      seedResources(lab.controller, specs);
      const one = await lab.replicas('pvc-1');
      assert.deepEqual([one['bravo'], one['charlie']], ['UpToDate', 'UpToDate']);
      assert.equal(Object.values(one).filter((state) => state.includes('TIE_BREAKER')).length, 1);
      assert.deepEqual(Object.values(await lab.replicas('pvc-2')), ['UpToDate', 'UpToDate', 'UpToDate']);
      const { body } = await lab.get<{ name: string }[]>('/v1/resource-groups');
      assert.deepEqual(
        body.map((group) => group.name),
        ['DfltRscGrp', 'sc-r2', 'sc-r3'],
      );
      assert.equal(lab.eventsOf('linstor.faulty').length, 0);
    }));

  it('says why it cannot, and leaves nothing half placed', () =>
    withLab(['alpha', 'bravo'], async (lab) => {
      const seed = (spec: object): void =>
        seedResources(lab.controller, [{ name: 'pvc-1', sizeGib: 1, placeCount: 2, ...spec }]);
      assert.throws(
        () => seed({ nodes: ['alpha', 'nosuch'] }),
        /expected LINSTOR node 'nosuch' ONLINE .* found no such node/,
      );
      lab.controller.satelliteDown('bravo');
      assert.throws(() => seed({ nodes: ['bravo'] }), /found it OFFLINE/);
      assert.throws(() => seed({}), /expected room for 2 replicas of 1 GiB, found too few nodes/);
      lab.controller.satelliteUp(machine('bravo'));
      assert.throws(() => seed({ sizeGib: 1000, nodes: ['alpha'] }), /KiB free of \d+ KiB needed/);
      assert.deepEqual(lab.controller.summary(), []);
      assert.equal((await lab.get('/v1/resource-definitions')).text, '[]');
    }));
});
