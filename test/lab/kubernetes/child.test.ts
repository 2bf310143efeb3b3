import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Child } from '../../../lab/kubernetes/child.js';

describe('lab/kubernetes: a program of the control plane', () => {
  let directory: string;
  const start = (script: string, onDeath: (message: string) => void): Child =>
    new Child({ name: 'program', binary: '/bin/sh', args: ['-c', script], directory, onDeath });

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'lab-child-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it('that dies says so with its last log lines', async () => {
    let child: Child | undefined;
    const message = await new Promise<string>((resolve) => {
      child = start('echo cannot bind the port >&2; exit 3', resolve);
    });
    assert.match(message, /program ended \(exit code 3\).*program\.log ends with:\ncannot bind the port/s);
    assert.throws(() => child!.assertAlive(), /exit code 3/);
    assert.equal(existsSync(join(directory, 'program.pid')), false);
  });

  it('that can not be started says why', async () => {
    const message = await new Promise<string>(
      (resolve) =>
        new Child({ name: 'program', binary: join(directory, 'nothing'), args: [], directory, onDeath: resolve }),
    );
    assert.match(message, /ENOENT/);
  });

  it('is gone, quietly, when it was stopped', async () => {
    let deaths = 0;
    const child = start('exec sleep 60', () => (deaths += 1));
    assert.equal(readFileSync(join(directory, 'program.pid'), 'utf8').trim(), String(child.pid));
    await child.stop();
    assert.equal(deaths, 0);
    assert.throws(() => process.kill(child.pid!, 0), { code: 'ESRCH' });
  });
});
