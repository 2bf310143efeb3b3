import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Evidence, Image } from '../../../driver/orphans/evidence';
import { judge, type OwnIds } from '../../../driver/orphans/judge';

const OWN: OwnIds = { planned: new Set([8001, 8002]), inState: new Set() };

function image(vmId: number, more: Partial<Image> = {}): Image {
  return { volid: `ceph:vm-${vmId}-disk-0`, vmId, storage: 'ceph', host: 'thor', shared: true, size: 1, ...more };
}

function evidence(more: Partial<Evidence> = {}): Evidence {
  const nothing = { guests: new Map(), attached: new Map(), bases: new Set<string>(), jobs: new Map(), unknown: [] };
  return { ...nothing, images: [image(8001)], ...more };
}

const verdicts = (found: Evidence, own = OWN) => judge(found, own).map(({ verdict }) => verdict);

describe('a disk image without an owner', () => {
  it('is an orphan when it has an id of the stack and every source says that nobody has it', () => {
    const [found] = judge(evidence(), OWN);
    assert.equal(found?.verdict, 'orphan');
    assert.match(found?.evidence ?? '', /no guest 8001/);
  });

  const owners: [string, Partial<Evidence>, OwnIds?][] = [
    ['a guest in any list', { guests: new Map([[8001, 'thor']]) }],
    ["another guest's configuration", { attached: new Map([['ceph:vm-8001-disk-0', 'guest 105']]) }],
    ['a linked clone that stands on it', { bases: new Set(['ceph:vm-8001-disk-0']) }],
    ['a replication or backup job', { jobs: new Map([[8001, '/cluster/replication']]) }],
    ["the stack's state", {}, { ...OWN, inState: new Set([8001]) }],
  ];
  for (const [what, more, own] of owners)
    it(`is not listed when it has one: ${what}`, () => {
      assert.deepEqual(verdicts(evidence(more), own), []);
    });

  it('is not ours to delete when its id is none of the stack', () => {
    assert.deepEqual(verdicts(evidence({ images: [image(105)] })), ['foreign']);
  });

  it('on a shared storage is listed once, on local ones of two hosts twice', () => {
    const two = (shared: boolean) => ['thor', 'odin'].map((host) => image(8001, { host, shared }));
    assert.deepEqual(verdicts(evidence({ images: two(true) })), ['orphan']);
    assert.deepEqual(verdicts(evidence({ images: two(false) })), ['orphan', 'orphan']);
  });

  it('is never an orphan while any source is silent, whatever the others say', () => {
    const id = fc.integer({ min: 8000, max: 8004 });
    const world = fc.record({
      images: fc.array(
        id.map((vmId) => image(vmId)),
        { maxLength: 6 },
      ),
      guests: fc.array(fc.tuple(id, fc.constant('thor'))).map((entries) => new Map(entries)),
      jobs: fc.array(fc.tuple(id, fc.constant('/cluster/backup'))).map((entries) => new Map(entries)),
      unknown: fc.array(fc.constant('odin: does not answer'), { minLength: 1, maxLength: 2 }),
    });
    fc.assert(
      fc.property(world, (found) => {
        assert.equal(verdicts(evidence(found)).includes('orphan'), false);
      }),
    );
  });
});
