import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { storeAt } from '../../../driver/locks/store';

describe('locks in a folder', () => {
  let directory: string;
  const folder = '.pulumi/locks/organization/demo/prod';

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'prox-ops-locks-'));
  });
  afterEach(() => {
    rmSync(directory, { recursive: true, force: true });
  });

  function write(name: string, content: object | string): void {
    mkdirSync(join(directory, folder), { recursive: true });
    const text = typeof content === 'string' ? content : JSON.stringify(content);
    writeFileSync(join(directory, folder, name), text);
  }

  const store = () => storeAt({ kind: 'file', directory }, folder);
  const owner = { pid: 7, username: 'ops', hostname: 'desk' };

  it('are none where the folder is missing', async () => {
    assert.deepEqual(await store().list(), []);
  });

  it('are read oldest first, beside the attribute files that the CLI writes', async () => {
    write('b.json', { ...owner, timestamp: '2026-11-21T15:00:00.123456789+01:00' });
    write('a.json', { ...owner, pid: 8, timestamp: '2026-11-21T15:00:00Z' });
    write('b.json.attrs', '{}');
    const locks = await store().list();
    assert.deepEqual(
      locks.map(({ pid, user, host, since }) => [pid, user, host, since.toISOString()]),
      [
        [7, 'ops', 'desk', '2026-11-21T14:00:00.123Z'],
        [8, 'ops', 'desk', '2026-11-21T15:00:00.000Z'],
      ],
    );
  });

  it('are removed one by one', async () => {
    write('a.json', { ...owner, timestamp: '2026-11-21T15:00:00Z' });
    write('b.json', { ...owner, timestamp: '2026-11-21T16:00:00Z' });
    const [first] = await store().list();
    assert.ok(first);
    await store().remove(first);
    assert.deepEqual(readdirSync(join(directory, folder)), ['b.json']);
  });

  it('are told to be damaged, by name', async () => {
    write('a.json', '{"pid":');
    await assert.rejects(store().list(), /a\.json: expected a lock of the Pulumi CLI/);
  });
});
