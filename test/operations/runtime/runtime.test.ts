import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { secretFile } from '../../../operations/src/clients/secretFile';
import { connect } from '../../../operations/src/clients/session';
import { realProcesses } from '../../../operations/src/runtime/processes';
import { redactor } from '../../../operations/src/runtime/redact';
import { until, WaitTimeout } from '../../../operations/src/runtime/waiting';
import { VirtualClock } from '../support/virtualClock';
import { World } from '../support/world';

const SOURCE = join(__dirname, '../../../operations/src');

describe('runtime', () => {
  const children = new Set<ChildProcess>();
  afterEach(() => children.forEach((child) => child.kill('SIGKILL')));

  const script = (code: string): ChildProcess => {
    const child = spawn(process.execPath, ['--require', 'tsx/cjs', '-e', code], { stdio: ['pipe', 'pipe', 'inherit'] });
    children.add(child);
    return child;
  };
  const firstLine = (child: ChildProcess): Promise<string> =>
    new Promise((resolve) => child.stdout?.once('data', (data: Buffer) => resolve(data.toString().trim())));
  const ended = (child: ChildProcess): Promise<[number | null, string | null]> =>
    new Promise((resolve) => child.once('exit', (code, signal) => resolve([code, signal])));

  describe('proof that a holder is gone', () => {
    it('itself lives, and so does its engine', () => {
      assert.equal(realProcesses.gone(realProcesses.self()), false);
      assert.equal(realProcesses.engineAlive(), true);
    });

    it('a process of this machine that has ended, or whose number is another one’s now', async () => {
      const child = script('process.stdin.resume(); console.log("up")');
      await firstLine(child);
      const self = realProcesses.self();
      const there = { ...self, pid: child.pid ?? 0, start: '', engine: [] };
      assert.equal(realProcesses.gone(there), false);
      assert.equal(realProcesses.gone({ ...there, start: 'long ago' }), true);
      child.kill('SIGKILL');
      await ended(child);
      assert.equal(realProcesses.gone(there), true);
    });

    it('its engine has ended', () => {
      assert.equal(realProcesses.gone({ ...realProcesses.self(), engine: [{ pid: 2 ** 22, start: 'x' }] }), true);
    });

    it('of another machine, container or boot nothing is proved', () => {
      const self = realProcesses.self();
      assert.equal(realProcesses.gone({ ...self, host: 'elsewhere' }), undefined);
      assert.equal(realProcesses.gone({ ...self, scope: 'another boot' }), undefined);
    });

    it('a host process that outlives its engine knows it', async () => {
      const code = `const { realProcesses } = require('${SOURCE}/runtime/processes');
        console.log('before ' + realProcesses.engineAlive());
        const timer = setInterval(() => { if (!realProcesses.engineAlive()) { console.log('gone'); clearInterval(timer); } }, 20);`;
      // The engine starts the host and is killed; the host goes on.
      const engine = script(
        `const host = require('node:child_process').spawn(process.execPath, ['--require', 'tsx/cjs', '-e', ${JSON.stringify(code)}], { stdio: ['ignore', 'inherit', 'inherit'] });
         process.stdin.resume();`,
      );
      assert.equal(await firstLine(engine), 'before true');
      const next = firstLine(engine);
      engine.kill('SIGKILL');
      assert.equal(await next, 'gone');
    });
  });

  it('a host of the engine ends with it, also one that has lost its pipes and tells of that on them', async () => {
    // As cmd/dynamic-provider of @pulumi/pulumi does with what nobody catches.
    const code = `process.on('uncaughtException', (error) => console.error(error.stack));
      const { realProcesses } = require('${SOURCE}/runtime/processes');
      realProcesses.endWithEngine();
      setInterval(() => process.stdout.write('still here'), 5);`;
    // The host's pipes end in the engine; the test has hold of the descriptor that only the host keeps open.
    const engine = script(
      `const host = require('node:child_process').spawn(process.execPath, ['--require', 'tsx/cjs', '-e', ${JSON.stringify(code)}], { stdio: ['ignore', 'pipe', 'pipe', 1] });
       host.stdout.once('data', () => console.log('runs'));
       host.stdout.resume();
       host.stderr.resume();`,
    );
    assert.equal(await firstLine(engine), 'runs');
    const { stdout } = engine;
    assert.ok(stdout);
    const closed = once(stdout.resume(), 'close');
    engine.kill('SIGKILL');
    await closed;
  });

  describe('secret files', () => {
    it('are private, in a private directory, and gone when removed', async () => {
      const file = await secretFile('talosconfig', 'secret');
      assert.equal(statSync(file.path).mode & 0o777, 0o600);
      assert.equal(statSync(join(file.path, '..')).mode & 0o777, 0o700);
      file.remove();
      assert.equal(existsSync(join(file.path, '..')), false);
      assert.equal(
        process.listenerCount('SIGTERM'),
        process.listeners('SIGTERM').filter((listener) => listener.name !== 'dieClean').length,
      );
    });

    for (const [how, end] of [
      ['ended by a signal', (child: ChildProcess) => child.kill('SIGTERM')],
      ['that ends by itself', (child: ChildProcess) => child.stdin?.end()],
    ] as const) {
      it(`of a process ${how} are gone`, async () => {
        const child = script(
          `const { secretFile } = require('${SOURCE}/clients/secretFile');
           secretFile('x', 'secret').then((file) => { console.log(file.path); process.stdin.on('end', () => process.exit(0)).resume(); });`,
        );
        const path = await firstLine(child);
        assert.ok(existsSync(path));
        const [done] = [ended(child)];
        end(child);
        const [code, signal] = await done;
        assert.ok(code === 0 || signal === 'SIGTERM');
        assert.equal(existsSync(join(path, '..')), false);
      });
    }
  });

  describe('redaction (I7)', () => {
    const access = {
      ...new World().inputs('w1').access,
      kubeconfig:
        'users:\n- user:\n    client-key-data: S3ViZUtleURhdGE9PQ==\n    token: eyJhbGciOi.abc\n  name: admin@prod\n',
      talosconfig: '{"contexts":{"a":{"key":"VGFsb3NLZXlEYXRh","ca":"x"}}}',
    };
    const redact = redactor(access);

    it('blots out tokens and keys of every config, and PEM blocks', () => {
      for (const secret of [
        'root@pam!ops=12345678-aaaa-bbbb-cccc-123456789012',
        '12345678-aaaa-bbbb-cccc-123456789012',
        'S3ViZUtleURhdGE9PQ==',
        'eyJhbGciOi.abc',
        'VGFsb3NLZXlEYXRh',
      ]) {
        assert.equal(redact(`before ${secret} after`), 'before [secret] after');
      }
      assert.equal(redact('a -----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY----- b'), 'a [secret] b');
    });

    it('leaves words and names as they are', () => {
      const text = 'expected VM 8011 named w1 on pve1; admin@prod';
      assert.equal(redact(text), text);
    });
  });

  describe('waiting', () => {
    const clock = new VirtualClock();
    const signal = new AbortController().signal;

    it('says what was still wrong when the time is up', async () => {
      const look = (): Promise<{ waiting: string }> => Promise.resolve({ waiting: 'the moon' });
      const waiting = clock.run(until({ clock, signal, timeout: 10_000, every: 1_000, look }));
      await assert.rejects(
        waiting,
        (error) => error instanceof WaitTimeout && error.waiting === 'the moon' && error.seconds === 10,
      );
    });

    it('a change that happens while it looks is not missed', async () => {
      let change: () => void = () => undefined;
      let looks = 0;
      const look = (): Promise<{ done: number } | { waiting: string }> => {
        if (++looks === 1) change();
        return Promise.resolve(looks === 2 ? { done: looks } : { waiting: 'more' });
      };
      const watch = [(onChange: () => void) => new Promise<void>(() => void (change = onChange))];
      const start = clock.now();
      await clock.run(until({ clock, signal, timeout: 60_000, every: 30_000, look, watch }));
      assert.ok(clock.now() - start < 1_000);
    });

    it('a watch that ends is opened again', async () => {
      let opened = 0;
      const watch = [() => Promise.resolve(void opened++)];
      const look = (): Promise<{ done: true } | { waiting: string }> =>
        Promise.resolve(opened >= 3 ? { done: true } : { waiting: 'watches' });
      await clock.run(until({ clock, signal, timeout: 60_000, every: 60_000, look, watch }));
    });

    it('stops when it is told to', async () => {
      const stop = new AbortController();
      clock.after(500, () => stop.abort());
      const look = (): Promise<{ waiting: string }> => Promise.resolve({ waiting: 'for ever' });
      await assert.rejects(clock.run(until({ clock, signal: stop.signal, timeout: 10_000, every: 1_000, look })), {
        name: 'AbortError',
      });
    });
  });

  it('the clients of one cluster are opened once, and another access has its own', async () => {
    const { access } = new World().inputs('w1');
    const kubeconfig = JSON.stringify({
      'current-context': 'a',
      clusters: [{ name: 'a', cluster: { server: 'https://127.0.0.1:1' } }],
      users: [{ name: 'a', user: {} }],
      contexts: [{ name: 'a', context: { cluster: 'a', user: 'a' } }],
    });
    const clock = new VirtualClock();
    const [first, again, other] = await Promise.all([
      connect({ ...access, kubeconfig }, clock),
      connect({ ...access, kubeconfig }, clock),
      connect({ ...access, kubeconfig, clusterName: 'other' }, clock),
    ]);
    assert.equal(first, again);
    assert.notEqual(first, other);
    await assert.rejects(connect({ ...access, kubeconfig: '', controlPlanes: [] }, clock), /found: no control plane/);
  });
});
