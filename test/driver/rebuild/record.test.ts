import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { RecordFile, type RebuildRecord } from '../../../driver/rebuild/record';

describe('the record of an unfinished rebuild', () => {
  let folder: string;
  let file: RecordFile;
  const record: RebuildRecord = {
    v: 1,
    authority: 'abc',
    begun: true,
    since: 1,
    made: ['w1'],
    kubeconfig: 'clusters: []',
    snapshot: { file: '/backup/etcd.db', sha256: 'def' },
  };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'prox-ops-record-'));
    file = new RecordFile(folder, 'prod');
  });

  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it('is its owner’s alone, comes back as it was, and leaves nothing behind', () => {
    assert.equal(file.read('abc'), undefined);
    file.write(record);
    assert.equal(statSync(file.path).mode & 0o777, 0o600);
    assert.equal(statSync(dirname(file.path)).mode & 0o777, 0o700);
    assert.deepEqual(file.read('abc'), record);
    file.write({ ...record, made: ['w1', 'w2'] });
    assert.deepEqual(file.read('abc')?.made, ['w1', 'w2']);
    assert.deepEqual(readdirSync(dirname(file.path)), ['prod.json']);
    file.remove();
    assert.equal(existsSync(file.path), false);
  });

  it('of other Talos secrets is about a cluster that is no more', () => {
    file.write(record);
    assert.equal(file.read('other'), undefined);
  });

  it('keeps the credentials, and nothing else, when a tear-down begins', () => {
    file.tornDown();
    file.write(record);
    assert.equal(file.pendingSnapshot(), '/backup/etcd.db');
    file.tornDown();
    assert.equal(file.pendingSnapshot(), undefined);
    const { begun, made, kubeconfig } = file.read('abc') ?? {};
    assert.deepEqual([begun, made, kubeconfig], [false, [], 'clusters: []']);
  });

  it('that cannot be read is named, and stops: etcd might begin from something else', () => {
    file.write(record);
    for (const text of ['{', '{"v":2}', JSON.stringify({ ...record, more: 1 })]) {
      writeFileSync(file.path, text);
      assert.throws(() => file.read('abc'), /prod\.json: expected the record of an unfinished rebuild/);
      assert.throws(() => file.pendingSnapshot(), /remove it to go on/);
    }
  });
});
