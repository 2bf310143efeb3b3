import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { LabDirectory } from '../../../lab/daemon/directory.js';
import { EXIT } from '../../../lab/daemon/errors.js';
import { isAlive } from '../../../lab/daemon/process-id.js';
import { labState } from '../../../lab/daemon/record.js';
import type { LabStatus } from '../../../lab/daemon/status.js';
import { testBase } from '../../support/network';

const LAB = join(__dirname, '..', '..', '..', 'lab', 'cli', 'main.ts');
const SOURCES = ['--require', require.resolve('tsx/cjs')];
const BASE = String(testBase(109));

describe('prox-ops lab, its process from up to down', () => {
  let root: string;
  let env: NodeJS.ProcessEnv;
  let directory: LabDirectory;

  before(async () => {
    root = mkdtempSync(join(tmpdir(), 'prox-ops-cli-'));
    env = { ...process.env, XDG_STATE_HOME: root };
    directory = new LabDirectory(join(root, 'prox-ops', 'labs', 'lab'));
    const { exitCode, err } = await run('up', '--base', BASE);
    assert.equal(exitCode, EXIT.done, err);
  });

  after(() => {
    const found = labState(directory);
    if (found.state === 'running') process.kill(found.record.pid, 'SIGKILL');
    rmSync(root, { recursive: true });
  });

  const run = async (...args: string[]): Promise<{ exitCode: number; out: string; err: string }> => {
    try {
      const { stdout, stderr } = await promisify(execFile)(process.execPath, [...SOURCES, LAB, ...args], { env });
      return { exitCode: EXIT.done, out: stdout, err: stderr };
    } catch (error) {
      const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
      return { exitCode: code, out: stdout, err: stderr };
    }
  };

  const status = async (): Promise<LabStatus> => JSON.parse((await run('status', '--json')).out) as LabStatus;

  it('runs without the command that started it', async () => {
    const { pid, hosts, monitor } = await status();
    assert.equal(isAlive(pid), true);
    assert.deepEqual(
      hosts.map(({ name, address }) => `${name} ${address}`),
      ['baldar 10', 'heimdall 11', 'odin 12', 'thor 13'].map((host) => host.replace(' ', ` 127.${BASE}.66.`)),
    );
    assert.equal(monitor.armed, null);
    assert.equal((await run('monitor')).exitCode, EXIT.unproven);
  });

  it('refuses a second one, and one on the same addresses, and leaves nothing of them running', async () => {
    const { pid } = await status();
    const second = await run('up', '--base', BASE);
    assert.equal(second.exitCode, EXIT.occupied);
    assert.match(second.err, new RegExp(`running already: process ${pid} `));
    const other = await run('up', '--base', BASE, '--name', 'other');
    assert.equal(other.exitCode, EXIT.occupied);
    assert.match(other.err, new RegExp(`process ${pid} \\(node\\) holds 127\\.${BASE}\\.0\\.1:7443`));
    assert.equal(labState(new LabDirectory(join(root, 'prox-ops', 'labs', 'other'))).state, 'absent');
  });

  it('prints an environment that a shell can use, without a secret in it', async () => {
    const { out } = await run('env');
    const token = readFileSync(directory.proxmoxToken, 'utf8').trim();
    assert.ok(!out.includes(token.split('=')[1] ?? token));
    const script = `${out}\nprintf '%s %s' "$PROXMOX_VE_API_TOKEN" "$(command -v pulumi-language-nodejs)"`;
    const { stdout } = await promisify(execFile)('sh', ['-c', script], { env });
    assert.match(stdout, new RegExp(`^${token} .*/lab/launchers/pulumi-language-nodejs$`));
  });

  it('sets, shows and lifts faults, and refuses unknown ones', async () => {
    assert.match((await run('fault', 'set', 'never-boot', 'k8s-work-1')).err, /did you mean never-boots\?/);
    const unknown = await run('fault', 'set', 'never-boots', 'k8s-work-99');
    assert.equal(unknown.exitCode, EXIT.usage);
    assert.match(unknown.err, /unknown node 'k8s-work-99'; did you mean k8s-work-\d/);
    assert.equal((await run('fault', 'set', 'never-boots', 'k8s-work-1', '--count', '2')).exitCode, EXIT.done);
    assert.deepEqual((await status()).faults, [{ name: 'never-boots', subject: 'k8s-work-1', left: 2 }]);
    assert.match((await run('fault', 'clear')).out, /^lifted: never-boots k8s-work-1 \(2 left\)\n$/);
  });

  it('that was killed is told apart, and taken over by the next up', async () => {
    process.kill((await status()).pid, 'SIGKILL');
    const gone = await run('status');
    assert.equal(gone.exitCode, EXIT.notRunning);
    assert.match(gone.err, /ended without taking leave/);
    assert.equal((await run('up', '--base', BASE)).exitCode, EXIT.done);
  });

  it('ends on down with everything it started, and forgets its credentials', async () => {
    const { pid } = await status();
    assert.equal((await run('down')).exitCode, EXIT.done);
    assert.equal(isAlive(pid), false);
    assert.equal(labState(directory).state, 'absent');
    assert.throws(() => readFileSync(directory.proxmoxToken), /ENOENT/);
  });
});
