import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCredentials } from '../../../lab/daemon/credentials.js';
import { defaultDirectory, LabDirectory } from '../../../lab/daemon/directory.js';
import { EXIT } from '../../../lab/daemon/errors.js';
import { exportLines, labEnvironment, resolveEnvironment } from '../../../lab/daemon/environment.js';
import { endLeftovers } from '../../../lab/daemon/leftovers.js';
import { checkPorts } from '../../../lab/daemon/ports.js';
import { isAlive, processStart } from '../../../lab/daemon/process-id.js';
import { claim, labState, release } from '../../../lab/daemon/record.js';
import { productionInventory } from '../../../lab/inventory/production.js';
import { testNetwork } from '../../support/network';

describe('lab directory', () => {
  let root: string;
  let directory: LabDirectory;
  const children: ChildProcess[] = [];

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'prox-ops-lab-'));
    directory = new LabDirectory(join(root, 'lab'));
  });

  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    rmSync(root, { recursive: true, force: true });
  });

  /** A process of our own that does nothing, as a lab's program would be found: in the folder `kubernetes`. */
  const idle = async (cwd: string): Promise<ChildProcess & { pid: number }> => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6); console.log("up")'], { cwd });
    children.push(child);
    await once(child.stdout, 'data');
    assert.ok(child.pid);
    return Object.assign(child, { pid: child.pid });
  };

  it('is below XDG_STATE_HOME, or ~/.local/state', () => {
    assert.equal(defaultDirectory('x', { XDG_STATE_HOME: '/state' }), '/state/prox-ops/labs/x');
    assert.match(defaultDirectory('x', {}), /\/\.local\/state\/prox-ops\/labs\/x$/);
  });

  it('keeps everything to its owner, secrets above all', async () => {
    directory.create();
    directory.clear();
    const { proxmoxToken } = await makeCredentials(directory);
    assert.match(proxmoxToken, /^root@pam!lab=[0-9a-f-]{36}$/);
    assert.equal(readFileSync(directory.proxmoxToken, 'utf8').trim(), proxmoxToken);
    assert.equal(statSync(directory.path).mode & 0o777, 0o700);
    for (const file of [directory.proxmoxToken, directory.controlToken, directory.passphrase]) {
      assert.equal(statSync(file).mode & 0o777, 0o600, file);
    }
  });

  it('refuses a folder with files of somebody else', () => {
    mkdirSync(directory.path);
    writeFileSync(join(directory.path, 'thesis.tex'), 'x');
    assert.throws(() => directory.create(), /expected an empty folder.*thesis|expected an empty folder/);
    assert.ok(existsSync(join(directory.path, 'thesis.tex')));
  });

  it('forgets what an earlier lab left', () => {
    directory.create();
    directory.clear();
    writeFileSync(join(directory.state, 'stack.json'), '{}');
    directory.create();
    directory.clear();
    assert.ok(!existsSync(join(directory.state, 'stack.json')));
  });

  it('is claimed by one process, and names it to the next one', () => {
    directory.create();
    claim(directory, 'lab', 20);
    assert.throws(
      () => claim(directory, 'lab', 20),
      new RegExp(`'lab' is running already: process ${process.pid} on 127\\.20\\.0\\.0/16.*npx prox-ops lab down`),
    );
    release(directory);
    assert.equal(labState(directory).state, 'absent');
  });

  it('takes a lab for dead whose process is gone, also when another process has got its id', () => {
    directory.create();
    const record = claim(directory, 'lab', 20);
    directory.write(directory.record, JSON.stringify({ ...record, processStart: '1' }));
    assert.equal(labState(directory).state, 'dead');
    claim(directory, 'lab', 20);
    assert.equal(labState(directory).state, 'running');
  });

  it('ends the programs that a killed lab left, by the ids it wrote down', async () => {
    directory.create();
    directory.clear();
    const etcd = await idle(directory.kubernetes);
    const start = processStart(etcd.pid);
    writeFileSync(join(directory.kubernetes, 'etcd.pid'), `${etcd.pid}\n`);
    assert.deepEqual(await endLeftovers(directory), [{ program: 'etcd', pid: etcd.pid }]);
    assert.equal(isAlive(etcd.pid, start), false);
    assert.ok(!existsSync(join(directory.kubernetes, 'etcd.pid')));
  });

  it('leaves a process alone that got the id of one that has ended', async () => {
    directory.create();
    directory.clear();
    const stranger = await idle(root);
    writeFileSync(join(directory.kubernetes, 'etcd.pid'), `${stranger.pid}\n`);
    assert.deepEqual(await endLeftovers(directory), []);
    assert.equal(isAlive(stranger.pid), true);
  });
});

describe('lab addresses', () => {
  it('that are taken are named, with who holds them', async () => {
    const network = testNetwork(108);
    const { address } = productionInventory(network).hosts[1] ?? { address: '' };
    const server = createServer();
    await once(server.listen({ host: address, port: network.ports.proxmox }), 'listening');
    try {
      await assert.rejects(checkPorts(network, productionInventory(network)), (error: Error & { exitCode: number }) => {
        assert.match(
          error.message,
          new RegExp(`process ${process.pid} \\(.*\\) holds ${address}:8006 \\(Proxmox heimdall\\)`),
        );
        assert.match(error.message, /--base/);
        assert.equal(error.exitCode, EXIT.occupied);
        return true;
      });
    } finally {
      server.close();
    }
    await checkPorts(network, productionInventory(network));
  });
});

describe('lab environment', () => {
  const sources = (directory: LabDirectory) => ({
    directory,
    programs: ['/cache/pulumi/1/pulumi', "/cache/o'dd/talosctl"],
    folders: ['/lab/launchers'],
    proxmoxEndpoint: 'https://127.20.66.10:8006',
    stack: 'lab',
    pluginPoll: 40,
  });

  it('prints no secret, and quotes what a shell would take apart', () => {
    const lines = exportLines(labEnvironment(sources(new LabDirectory('/state/lab'))));
    assert.equal(lines[0], `export PATH='/lab/launchers:/cache/pulumi/1:/cache/o'\\''dd'"\${PATH:+:$PATH}"`);
    assert.ok(lines.includes(`export PROXMOX_VE_API_TOKEN="$(cat '/state/lab/proxmox-token')"`));
    assert.ok(lines.includes(`export PULUMI_BACKEND_URL='file:///state/lab/state?metadata=skip'`));
  });

  it('gives a child process the secrets themselves, and no passphrase but the lab’s file', () => {
    const root = mkdtempSync(join(tmpdir(), 'prox-ops-lab-'));
    try {
      const directory = new LabDirectory(join(root, 'lab'));
      directory.create();
      directory.write(directory.proxmoxToken, 'root@pam!lab=x\n');
      const base = { PATH: '/bin', PULUMI_CONFIG_PASSPHRASE: 'mine', HOME: '/home' };
      const env = resolveEnvironment(labEnvironment(sources(directory)), base);
      assert.equal(env['PROXMOX_VE_API_TOKEN'], 'root@pam!lab=x');
      assert.equal(env['PULUMI_CONFIG_PASSPHRASE'], undefined);
      assert.equal(env['HOME'], '/home');
      assert.match(env['PATH'] ?? '', /^\/lab\/launchers:.*:\/bin$/);
    } finally {
      rmSync(root, { recursive: true });
    }
  });
});
