import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EtcdCluster } from '../../../lab/talos/etcd/cluster.js';
import { restoreSnapshot, takeSnapshot } from '../../../lab/talos/etcd/snapshot.js';
import { EventLog } from '../../../lab/world/events.js';
import type { KeyValue } from '../../../lab/world/world.js';
import { readSnapshot } from '../../../operations/src/index';

const PEM = '-----BEGIN CERTIFICATE-----\nMIIB\nAAAA\n-----END CERTIFICATE-----';

/** NodeSystemInfo as protobuf has it: fields 6 to 8 are the runtime, the kubelet and the proxy. */
function node(kubelet: string): Buffer {
  const field = (number: number, text: string) => [Buffer.from([(number << 3) | 2, text.length]), Buffer.from(text)];
  const os = 'Talos (v1.11.3)';
  return Buffer.concat([
    ...field(5, os),
    ...field(6, 'containerd://2.1.5'),
    ...field(7, kubelet),
    ...field(8, kubelet),
  ]);
}

describe('contents of an etcd snapshot', () => {
  let folder: string;
  let file: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'prox-ops-contents-'));
    file = join(folder, 'etcd.db');
  });

  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  const entry = (key: string, value: Buffer | string): KeyValue => ({
    key: Buffer.from(key),
    value: Buffer.from(value),
  });

  function snapshotOf(contents: KeyValue[]): Buffer {
    const cluster = new EtcdCluster(new EventLog(() => 0), { now: () => 0, delay: () => Promise.resolve() });
    cluster.bootstrap({ name: 'c1', address: '10.0.0.1' });
    return takeSnapshot(cluster, contents);
  }

  it('tells whose it is and what wrote it, and no secret', async () => {
    const secret = 'a-secret-value';
    const contents = [
      entry('/registry/secrets/default/x', secret),
      entry('/registry/configmaps/kube-system/kube-root-ca.crt', `k8s\0...${PEM}\n...`),
      entry('/registry/minions/c1', node('v1.34.1')),
      entry('/registry/minions/w1', node('v1.33.9')),
      entry('/registry/pods/default/minions', node('v1.99.0')),
    ];
    writeFileSync(file, snapshotOf(contents));
    const found = await readSnapshot(file);
    assert.deepEqual(
      [found.keys, found.etcd, found.kubelets, found.authority],
      [5, '3.6', ['v1.33.9', 'v1.34.1'], PEM],
    );
    assert.deepEqual(found.members, [{ name: 'c1', peerUrls: ['https://10.0.0.1:2380'] }]);
    assert.equal(JSON.stringify(found).includes(secret), false);
    assert.deepEqual(restoreSnapshot(snapshotOf(contents), false), contents);
  });

  it('of thousands of keys, and of values of many pages', async () => {
    const many = Array.from({ length: 5_000 }, (_, index) =>
      entry(`/registry/events/${index}`, 'x'.repeat(index % 300)),
    );
    const large = entry('/registry/configmaps/default/large', Buffer.alloc(900_000, 7));
    writeFileSync(file, snapshotOf([...many, large]));
    assert.equal((await readSnapshot(file)).keys, 5_001);
    assert.deepEqual(restoreSnapshot(snapshotOf([...many, large]), false).at(-1), large);
  });

  it('is refused when it is cut, changed, none or not there', async () => {
    const whole = snapshotOf([entry('/registry/x', 'y')]);
    const changed = Buffer.from(whole);
    changed.writeUInt8(changed.readUInt8(5000) ^ 1, 5000);
    const bad: [Buffer | undefined, RegExp][] = [
      [whole.subarray(0, -100), /expected a whole etcd snapshot/],
      [changed, /a checksum that does not fit its content/],
      [Buffer.from('nonsense'), /expected a whole etcd snapshot/],
      [undefined, /no such file/],
    ];
    for (const [bytes, says] of bad) {
      rmSync(file, { force: true });
      if (bytes) writeFileSync(file, bytes);
      await assert.rejects(readSnapshot(file), says);
    }
  });
});
