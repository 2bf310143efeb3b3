import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { watchInterrupts, type Interrupts } from '../../driver/interrupts';

const DRIVER = join(__dirname, '../../driver');

describe('driver/interrupts: the wish to stop', () => {
  let said: string[];
  let now: number;
  let interrupts: Interrupts;
  const realNow = Date.now;

  beforeEach(() => {
    said = [];
    now = 1_000;
    Date.now = () => now;
    interrupts = watchInterrupts(
      () => said.push('first'),
      () => said.push('again'),
    );
  });

  afterEach(() => {
    interrupts.close();
    Date.now = realNow;
  });

  it('one press that comes from the terminal and again from npm is one', () => {
    process.emit('SIGINT');
    now += 20;
    process.emit('SIGINT');
    assert.deepEqual(said, ['first']);
    assert.equal(interrupts.signal.aborted, true);
  });

  it('another press is another wish', () => {
    process.emit('SIGINT');
    now += 1_500;
    process.emit('SIGINT');
    assert.deepEqual(said, ['first', 'again']);
  });

  it('a terminal that is closed means it once, however often it says so', () => {
    for (let times = 0; times < 3; times += 1) {
      process.emit('SIGHUP');
      now += 5_000;
    }
    assert.deepEqual(said, ['first']);
  });

  it('nothing is watched after the end', () => {
    interrupts.close();
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) assert.equal(process.listenerCount(signal), 0);
  });
});

describe('driver/output: readers that go away', () => {
  /** Writes a line, and another one once its standard input ends: then nobody reads any more. @returns its exit code. */
  async function writer(stdout: 'pipe' | number): Promise<number | null> {
    const code = `require('${DRIVER}/output').outliveReaders();
      process.stdout.write('a line\\n');
      process.stdin.on('end', () => process.stdout.write('another\\n')).resume();`;
    const child = spawn(process.execPath, ['--require', 'tsx/cjs', '-e', code], { stdio: ['pipe', stdout, 'pipe'] });
    try {
      const ended = once(child, 'exit');
      if (child.stdout) await once(child.stdout, 'data');
      child.stdout?.destroy();
      child.stdin?.end();
      const [exitCode] = (await ended) as [number | null];
      return exitCode;
    } finally {
      child.kill('SIGKILL');
    }
  }

  it('a pipe that nobody reads any more ends nothing, and is no failure', async () => {
    assert.equal(await writer('pipe'), 0);
  });

  it('a full disk fails the command at its end', async () => {
    const full = openSync('/dev/full', 'w');
    try {
      assert.equal(await writer(full), 1);
    } finally {
      closeSync(full);
    }
  });
});
