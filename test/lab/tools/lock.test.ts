import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { platform } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { withLock } from '../../../lab/tools/lock';
import { temporaryFolder } from './fakes';

describe('lock', () => {
  const folder = temporaryFolder();
  const directory = () => join(folder.path, 'lock');

  function claimOf(pid: number | undefined, started: string): void {
    mkdirSync(directory(), { recursive: true });
    writeFileSync(join(directory(), `${pid}.${started}.left-behind`), '');
  }

  it('is held by one at a time', async () => {
    let inside = 0;
    const work = async () => {
      assert.equal(++inside, 1);
      await turn();
      inside--;
    };
    await Promise.all(Array.from({ length: 5 }, () => withLock(directory(), {}, work)));
    assert.deepEqual(readdirSync(directory()), []);
  });

  it('is given back when the work fails', async () => {
    const failing = withLock(directory(), {}, () => Promise.reject(new Error('broken')));
    await assert.rejects(failing, /broken/);
    assert.deepEqual(readdirSync(directory()), []);
  });

  it('is taken over from a dead process', async () => {
    claimOf(spawnSync(process.execPath, ['-e', '0']).pid, 'unknown');
    const onWait = () => assert.fail('waited for a dead process');
    assert.equal(await withLock(directory(), { onWait }, () => Promise.resolve('done')), 'done');
    assert.deepEqual(readdirSync(directory()), []);
  });

  it('is taken over when the id belongs to another process by now', async function () {
    if (platform() !== 'linux') {
      this.skip();
    }
    claimOf(process.ppid, '1');
    const onWait = () => assert.fail('waited for a process that never claimed');
    assert.equal(await withLock(directory(), { onWait }, () => Promise.resolve('done')), 'done');
  });

  it('names the living process that it waits for, once, and stops waiting when told to', async () => {
    claimOf(process.ppid, 'unknown');
    const stop = new AbortController();
    const waitedFor: number[] = [];
    const onWait = (pid: number) => {
      waitedFor.push(pid);
      setTimeout(() => stop.abort(), 700);
    };
    const waiting = withLock(directory(), { onWait, signal: stop.signal }, () => Promise.resolve());
    await assert.rejects(waiting, { name: 'AbortError' });
    assert.deepEqual(waitedFor, [process.ppid]);
  });
});
