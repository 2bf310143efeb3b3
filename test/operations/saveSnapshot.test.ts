import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { saveSnapshot, type SavedSnapshot } from '../../operations/src/index';
import { addressOf, World } from './support/world';

const CONTROL_PLANES = ['c1', 'c2', 'c3'].map((name) => ({ name, address: addressOf(name) }));

describe('R003-4 an etcd snapshot by itself', () => {
  let world: World;
  let folder: string;
  let path: string;

  beforeEach(() => {
    world = new World();
    folder = mkdtempSync(join(tmpdir(), 'prox-ops-snapshot-'));
    path = join(folder, 'kept', 'etcd.db');
  });

  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  function save(controlPlanes = CONTROL_PLANES): Promise<SavedSnapshot> {
    return saveSnapshot(world.inputs('c1').access, controlPlanes, path, () => Promise.resolve(world));
  }

  it('is private, whole, and named with its hash and the members', async () => {
    const saved = await save();
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(statSync(join(folder, 'kept')).mode & 0o777, 0o700);
    assert.equal(saved.sha256, createHash('sha256').update(readFileSync(path)).digest('hex'));
    assert.deepEqual(saved.members.map(({ hostname }) => hostname).sort(), ['c1', 'c2', 'c3']);
    assert.deepEqual(readdirSync(join(folder, 'kept')), ['etcd.db']);
    assert.deepEqual(world.talos.writes, []);
  });

  it('never overwrites a file', async () => {
    await save();
    const before = statSync(path).mtimeMs;
    await assert.rejects(save(), /expected no file yet at .*; found one that would be overwritten/);
    assert.equal(statSync(path).mtimeMs, before);
  });

  it('leaves no file where its checksum does not fit', async () => {
    world.talos.snapshot[100] = 1;
    await assert.rejects(save(), /checksum that does not fit/);
    assert.deepEqual(readdirSync(join(folder, 'kept')), []);
  });

  it('is refused while a member is sick, missing or nobody’s', async () => {
    world.talos.dead.push({ id: 'ff', hostname: 'c9', peerUrls: ['https://192.0.2.9:2380'], learner: false });
    await assert.rejects(save(), /a healthy etcd member on each of c1, c2, c3, and no other; found c9 \(ff\)/);
    world.talos.dead.pop();
    world.machine('c2').reachable = false;
    await assert.rejects(save(), /etcd member c2 is not healthy/);
    world.machine('c2').reachable = true;
    delete world.machine('c3').member;
    await assert.rejects(save(), /none on c3/);
    assert.equal(existsSync(path), false);
  });
});
