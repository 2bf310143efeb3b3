import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Evidence } from '../../../driver/orphans/evidence';
import { judge } from '../../../driver/orphans/judge';
import type { Own } from '../../../driver/orphans/own';
import { evidence as nothingBut, file, guest, image, OWN } from '../../support/orphans';

const evidence = (more: Partial<Evidence> = {}): Evidence => nothingBut({ images: [image(8001)], ...more });
const verdicts = (found: Evidence, own = OWN) => judge(found, own).map(({ verdict }) => verdict);

describe('a disk image without an owner', () => {
  it('is an orphan when it has an id of the stack and every source says that nobody has it', () => {
    const [found] = judge(evidence(), OWN);
    assert.equal(found?.verdict, 'orphan');
    assert.match(found?.evidence ?? '', /no guest 8001/);
  });

  const owners: [string, Partial<Evidence>, Own?][] = [
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

describe('a snippet', () => {
  const snippet = (name: string) => file(`local:snippets/${name}`, 'snippets');
  const judged = (name: string, more: Partial<Evidence> = {}) =>
    judge(nothingBut({ files: [snippet(name)], ...more }), OWN).map(({ verdict }) => verdict);

  it('of a VM of the stack that is not there, or of one of its nodes by name, is an orphan', () => {
    assert.deepEqual(judged('vm-8001-user.yaml'), ['orphan']);
    assert.deepEqual(judged('lab-w1-network.yaml'), ['orphan']);
  });

  it('that some guest or snapshot names, on whatever host, has an owner', () => {
    assert.deepEqual(
      judged('vm-8001-user.yaml', { attached: new Map([['local:snippets/vm-8001-user.yaml', 'guest 1']]) }),
      [],
    );
  });

  it('of a VM that is there is not listed, though it names none', () => {
    assert.deepEqual(judged('vm-8001-user.yaml', { guests: new Map([[8001, 'thor']]) }), []);
  });

  for (const name of ['common.yaml', 'w1.yaml', 'lab.yaml', 'lab-w10.yaml', 'vm-9999-user.yaml', 'otherlab-w1.yaml'])
    it(`that is none of ours is never deleted: ${name}`, () => {
      assert.deepEqual(judged(name), ['foreign']);
    });
});

describe('a boot image', () => {
  const SCHEMATIC = '0123456789ab';
  const name = (release: string) => `local:import/talos-${release}-${SCHEMATIC}.raw`;
  const judged = (volid: string, more: Partial<Evidence> = {}, own = OWN) =>
    judge(nothingBut({ files: [file(volid, 'import')], ...more }), own).map(({ verdict }) => verdict);

  it('of a release that nobody uses is an orphan', () => {
    assert.deepEqual(judged(name('v1.10.1')), ['orphan']);
  });

  const owners: [string, string, Partial<Evidence>, Own?][] = [
    ['a slot of the stack file', name('v1.11.3'), {}],
    ['the state', name('v1.10.1'), {}, { ...OWN, filesInState: new Set([`thor ${name('v1.10.1')}`]) }],
    [
      "another stack's template that was made of it",
      name('v1.10.1'),
      { machines: [guest(9000, { template: true, description: `Talos v1.10.1, schematic ${SCHEMATIC}ffff` })] },
    ],
    ["a guest's drive", name('v1.10.1'), { attached: new Map([[name('v1.10.1'), 'guest 7']]) }],
  ];
  for (const [what, volid, more, own] of owners)
    it(`is not listed when it has an owner: ${what}`, () => {
      assert.deepEqual(judged(volid, more, own), []);
    });

  it("that the program does not make is nobody's business", () => {
    for (const volid of [
      'local:iso/debian-13.iso',
      'local:import/talos.raw',
      'nfs:import/talos-v1.10.1-0123456789ab.raw',
    ])
      assert.deepEqual(
        judge(nothingBut({ files: [{ ...file(volid, 'import'), storage: volid.split(':')[0] ?? '' }] }), OWN),
        [],
      );
  });
});

describe('a template', () => {
  const OLD = 'Talos v1.10.1, schematic 0123456789abcdef';
  const ours = (more: Parameters<typeof guest>[1] = {}) =>
    guest(9002, {
      name: 'talos-v1-10-1-standard-odin',
      host: 'odin',
      template: true,
      description: OLD,
      tags: ['prox-ops', 'template'],
      ...more,
    });
  const templates = (more: Partial<Evidence>, own = OWN) =>
    judge(nothingBut(more), own).filter(({ kind }) => kind === 'template');

  it('of a release in neither slot is an orphan, with the size and age of its disks', () => {
    const disk = image(9002, { size: 5, created: 1_700_000_000 });
    const [found] = templates({ machines: [ours()], images: [disk], guests: new Map([[9002, 'odin']]) });
    assert.deepEqual([found?.verdict, found?.size, found?.created], ['orphan', 5, 1_700_000_000]);
    assert.deepEqual(found?.target, { kind: 'vm', host: 'odin', vmId: 9002 });
  });

  const owners: [string, Partial<Evidence>, Own?][] = [
    [
      'a slot',
      { machines: [ours({ description: OLD.replace('v1.10.1', 'v1.11.3'), name: 'talos-v1-11-3-standard-odin' })] },
    ],
    ['the state', { machines: [ours()] }, { ...OWN, inState: new Set([9002]) }],
    ['a linked clone', { machines: [ours()], bases: new Set(['ceph:base-9002-disk-0']) }],
    [
      'a node that runs its release still',
      { machines: [ours(), guest(8001, { description: `${OLD}, Kubernetes v1.33.0` })] },
    ],
    ['a backup job', { machines: [ours()], jobs: new Map([[9002, '/cluster/backup']]) }],
  ];
  for (const [what, more, own] of owners)
    it(`is not listed when it has one that wants it: ${what}`, () => {
      assert.deepEqual(templates(more, own), []);
    });

  const others: [string, Parameters<typeof guest>[1]][] = [
    ['no template', { template: false }],
    ['without our tags', { tags: ['template'] }],
    ["under another template's name", { name: 'talos-v1-10-1-gpu-odin' }],
    ['named after another release than it is of', { description: OLD.replace('v1.10.1', 'v1.9.0') }],
    ['made by somebody else', { description: 'Debian 13' }],
  ];
  for (const [what, more] of others)
    it(`is never ours: ${what}`, () => {
      assert.deepEqual(templates({ machines: [ours(more)] }), []);
    });

  it('outside the ranges of the stack is never ours', () => {
    assert.deepEqual(templates({ machines: [{ ...ours(), vmId: 9500 }] }), []);
  });

  it('that is protected is told, and how to let it go', () => {
    const [found] = templates({ machines: [ours({ protected: true })] });
    assert.equal(found?.verdict, 'stale');
    assert.match(found?.remedy ?? '', /qm set 9002 --protection 0/);
    assert.equal(found?.target, undefined);
  });
});

describe('a PCI mapping', () => {
  const mapping = (id: string, problems: string[] = []) => ({ id, devices: ['thor 0000:01:00.0'], problems });
  const judged = (more: Partial<Evidence>, own = OWN) => judge(nothingBut(more), own);

  it('whose device is gone is told, whoever uses it', () => {
    const [found] = judged({ mappings: [mapping('thor-gpu', ["thor: pci device '0000:01:00.0' not found"])] });
    assert.equal(found?.verdict, 'stale');
    assert.match(found?.evidence ?? '', /not found/);
  });

  it('that nobody names is told; one of the stack file or of a guest is not', () => {
    const used = guest(105, { pci: [{ slot: 'hostpci0', mapping: 'theirs' }] });
    const found = judged({ mappings: [mapping('thor-gpu'), mapping('theirs'), mapping('old')], machines: [used] });
    assert.deepEqual(
      found.map(({ name, verdict }) => [name, verdict]),
      [['old', 'stale']],
    );
  });

  it('is not called unused while a host is silent', () => {
    assert.deepEqual(
      judged({ mappings: [mapping('old')], unknown: ['odin'] }).map(({ verdict }) => verdict),
      ['unknown'],
    );
  });

  it('that a guest names and that is not there is told with the guest', () => {
    const [found] = judged({
      mappings: [mapping('thor-gpu')],
      machines: [guest(105, { pci: [{ slot: 'hostpci1', mapping: 'gone' }] })],
    });
    assert.equal(found?.kind, 'PCI device');
    assert.match(found?.evidence ?? '', /mapping gone/);
    assert.match(found?.remedy ?? '', /qm set 105 --delete hostpci1/);
  });

  it('is never judged by a token that sees none', () => {
    assert.deepEqual(judged({ machines: [guest(105, { pci: [{ slot: 'hostpci1', mapping: 'gone' }] })] }), []);
  });
});
