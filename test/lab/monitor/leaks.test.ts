import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Judgement, Process } from '../../../lab/monitor/index.js';
import { listProcesses } from '../../../lab/monitor/processes.js';
import { Scene } from './scene.js';

const TOKEN = 'root@pam!lab=0f0e0d0c-1111-4222-8333-444455556666';
const KEY = `-----BEGIN ED25519 PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIHUnotARealKeyButLongEnoughToBeLookedForX1
-----END ED25519 PRIVATE KEY-----
`;

describe('safety monitor, I7: no secret anywhere', () => {
  let directory: string;
  let scene: Scene;
  let processes: Process[];

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'prox-ops-monitor-'));
    processes = [];
    scene = new Scene({ processes: () => processes, verdictFile: join(directory, 'verdict.json') });
    scene.monitor.addSecret({ label: 'Proxmox API token', value: TOKEN });
    scene.monitor.addSecret({ label: 'Talos CA key', value: KEY });
  });

  afterEach(async () => {
    await scene.monitor.close();
    rmSync(directory, { recursive: true });
  });

  const whats = async () => (await scene.verdict('I7')).violations.map(({ what }) => what);

  it('reports where a secret stands and which one, never the secret', async () => {
    const log = join(directory, 'run.log');
    scene.monitor.addFiles(log);
    writeFileSync(log, 'all is well\n');
    assert.deepEqual(await whats(), []);
    appendFileSync(log, `header: PVEAPIToken=${TOKEN}\n`);
    assert.deepEqual(await whats(), [`Proxmox API token stands in ${log}`]);
    assert.doesNotMatch(readFileSync(join(directory, 'verdict.json'), 'utf8'), /0f0e0d0c/);
  });

  it('finds it in base64, URL-encoded, as JSON text and as one line of a key', async () => {
    const folder = join(directory, 'logs');
    mkdirSync(folder);
    scene.monitor.addFiles(folder);
    writeFileSync(join(folder, 'a'), `key: ${Buffer.from(KEY).toString('base64')}`);
    writeFileSync(join(folder, 'b'), JSON.stringify({ message: KEY }));
    writeFileSync(join(folder, 'c'), `?token=${encodeURIComponent(TOKEN)}&x=1`);
    assert.deepEqual((await whats()).map((what) => what.replace(`${folder}/`, '')).sort(), [
      'Proxmox API token stands in c',
      'Talos CA key stands in a',
      'Talos CA key stands in b',
    ]);
  });

  it('finds it across two writes, and in files that come or are registered later', async () => {
    const log = join(directory, 'late.log');
    scene.monitor.addFiles(log);
    assert.deepEqual(await whats(), []);
    writeFileSync(log, `PVEAPIToken=${TOKEN.slice(0, 20)}`);
    assert.deepEqual(await whats(), []);
    appendFileSync(log, TOKEN.slice(20));
    assert.equal((await whats()).length, 1);
  });

  it('looks again at what was read before when a new secret is told', async () => {
    const log = join(directory, 'run.log');
    writeFileSync(log, 'client-key: aVeryLongClientKeyThatNobodyKnewOf\n');
    scene.monitor.addFiles(log);
    assert.deepEqual(await whats(), []);
    scene.monitor.addSecret({ label: 'kubeconfig key', value: 'aVeryLongClientKeyThatNobodyKnewOf' });
    assert.deepEqual(await whats(), [`kubeconfig key stands in ${log}`]);
  });

  it('reports a command line while its process calls an API', async () => {
    processes = [{ pid: 4711, commandLine: `/usr/bin/curl -H Authorization:PVEAPIToken=${TOKEN}` }];
    scene.emit({ type: 'api.write', api: 'proxmox', method: 'POST', path: '/api2/json/nodes', subject: 'odin' });
    processes = [];
    const [violation] = (await scene.verdict('I7')).violations;
    assert.equal(violation?.seq, 0);
    assert.equal(violation?.what, 'Proxmox API token stands in the command line of curl (process 4711)');
  });

  it('refuses a secret that is too short to be looked for', () => {
    assert.throws(() => scene.monitor.addSecret({ label: 'PIN', value: '1234' }), /'PIN': expected .*12 characters/);
  });

  it('sees the processes of this machine', () => {
    const own = listProcesses().find(({ pid }) => pid === process.pid);
    assert.match(own?.commandLine ?? '', /node|mocha/);
  });

  it('keeps the verdict in a file that only its owner reads', async () => {
    const file = join(directory, 'verdict.json');
    const log = join(directory, 'run.log');
    scene.build();
    writeFileSync(log, TOKEN);
    scene.monitor.addFiles(log);
    const told = await scene.monitor.close();
    const kept = JSON.parse(readFileSync(file, 'utf8')) as Judgement;
    assert.deepEqual(kept, told);
    assert.equal(kept.holds, false);
    assert.equal(statSync(file).mode & 0o777, 0o600);
  });
});
