import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { hostname } from 'node:os';
import { age, ownership } from '../../../driver/locks/owner';

describe("a lock's owner", () => {
  const here = { host: hostname(), since: new Date() };

  it('is at work while its process lives', () => {
    assert.equal(ownership({ ...here, pid: process.pid }), 'at work');
  });

  it('is gone once its process has ended', async () => {
    const child = spawn(process.execPath, ['-e', '']);
    assert.ok(child.pid);
    await once(child, 'exit');
    assert.equal(ownership({ ...here, pid: child.pid }), 'gone');
  });

  it('is gone when another process has its number by now', () => {
    assert.equal(ownership({ ...here, pid: process.pid, since: new Date(0) }), 'gone');
  });

  it('is orphaned when whoever started it is gone', async () => {
    const script = `const c = require('child_process').spawn('sleep', ['60'], { detached: true, stdio: 'ignore' });
      c.unref(); console.log(c.pid)`;
    const parent = spawn(process.execPath, ['-e', script]);
    const [chunk] = (await once(parent.stdout, 'data')) as [Buffer];
    await once(parent, 'exit');
    const pid = Number(chunk.toString());
    try {
      assert.equal(ownership({ ...here, pid, since: new Date() }), 'orphaned');
    } finally {
      process.kill(pid, 'SIGKILL');
    }
  });

  it('is elsewhere on another machine, whatever runs here under its number', () => {
    assert.equal(ownership({ ...here, host: 'another', pid: process.pid }), 'elsewhere');
  });

  it('ages in units that a person would use', () => {
    assert.deepEqual(
      [-5, 90, 200, 4 * 3600, 9 * 86400].map((seconds) => age(seconds * 1000)),
      ['0 s', '90 s', '3 min', '4 h', '9 days'],
    );
  });
});
