import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCli } from '../../../lab/cli/run.js';
import { statusText } from '../../../lab/cli/status-view.js';
import { nodeNames } from '../../../lab/cli/stack-file.js';
import { judgementExitCode, judgementText } from '../../../lab/cli/verdict-view.js';
import { LabDirectory } from '../../../lab/daemon/directory.js';
import { EXIT } from '../../../lab/daemon/errors.js';
import { claim } from '../../../lab/daemon/record.js';
import type { LabStatus } from '../../../lab/daemon/status.js';
import { INVARIANT_NAMES, type Judgement } from '../../../lab/monitor/index.js';

describe('prox-ops lab', () => {
  let root: string;
  let before: string | undefined;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'prox-ops-cli-'));
    before = process.env['XDG_STATE_HOME'];
    process.env['XDG_STATE_HOME'] = root;
  });

  afterEach(() => {
    if (before === undefined) delete process.env['XDG_STATE_HOME'];
    else process.env['XDG_STATE_HOME'] = before;
    rmSync(root, { recursive: true });
  });

  const run = async (...args: string[]) => {
    let out = '';
    let err = '';
    const exitCode = await runCli(args, { out: (text) => (out += `${text}\n`), err: (text) => (err += text) });
    return { exitCode, out, err };
  };

  const directory = () => new LabDirectory(join(root, 'prox-ops', 'labs', 'lab'));

  it('documents its exit codes', async () => {
    const { exitCode, out } = await run('--help');
    assert.equal(exitCode, EXIT.done);
    for (const code of Object.values(EXIT)) assert.match(out, new RegExp(`^ +${code}  \\w`, 'm'));
  });

  for (const command of ['down', 'status', 'env', 'monitor', 'fault list', 'fault set proxmox-500', 'fault clear']) {
    it(`says where it looked and what to do when no lab is running: ${command}`, async () => {
      const { exitCode, out, err } = await run(...command.split(' '));
      assert.equal(exitCode, EXIT.notRunning);
      assert.equal(out, '');
      assert.match(err, /^prox-ops lab: expected lab 'lab' running, found none in \S+; start.*npx prox-ops lab up\n$/);
    });
  }

  it('says that a lab is gone whose process ended without taking leave, and cleans up after it', async () => {
    directory().create();
    const record = claim(directory(), 'lab', 20);
    directory().write(directory().record, JSON.stringify({ ...record, processStart: '1' }));
    const { exitCode, err } = await run('status');
    assert.equal(exitCode, EXIT.notRunning);
    assert.match(err, new RegExp(`process ${process.pid} .* ended without taking leave.*npx prox-ops lab down`));
    const { exitCode: ended, out } = await run('down');
    assert.equal(ended, EXIT.done);
    assert.match(out, /it left nothing running/);
    assert.equal((await run('down')).exitCode, EXIT.notRunning);
  });

  it('refuses to start a lab that is running, naming its process and how to stop it', async () => {
    directory().create();
    claim(directory(), 'lab', 20);
    const { exitCode, err } = await run('up');
    assert.equal(exitCode, EXIT.occupied);
    assert.match(
      err,
      new RegExp(`running already: process ${process.pid} on 127\\.20\\.0\\.0/16.*npx prox-ops lab down`),
    );
  });

  it('refuses wrong use with one message', async () => {
    for (const args of [
      ['upp'],
      ['up', '--base', 'x'],
      ['up', '--durations', 'warp'],
      ['monitor', '--announce', 'no'],
    ]) {
      const { exitCode, err } = await run(...args);
      assert.equal(exitCode, EXIT.usage, args.join(' '));
      assert.match(err, /error: /);
    }
    assert.match((await run('up', '--base', '300')).err, /expected a whole number from 1 to 254, found 300/);
    assert.match((await run('status', '--name', '../x')).err, /lab name: expected .* found '\.\.\/x'/);
  });

  it('refuses a malformed stack file before anything is started', async () => {
    const file = join(root, 'Pulumi.lab.yaml');
    writeFileSync(file, 'config: [\n');
    const broken = await run('up', '--stack-file', file);
    assert.equal(broken.exitCode, EXIT.usage);
    assert.match(broken.err, /Pulumi\.lab\.yaml is malformed: .* at line 2/);
    writeFileSync(file, 'config: {}\n');
    assert.match((await run('up', '--stack-file', file)).err, /expected config\.prox-ops:nodes .*, found nothing/);
    assert.match((await run('up', '--stack-file', `${file}.no`)).err, /ENOENT.*--stack-file/);
  });

  it("reads the nodes' names from the stack file", () => {
    const file = join(root, 'Pulumi.lab.yaml');
    writeFileSync(file, 'config:\n  prox-ops:nodes:\n    a: {role: worker}\n    b: {role: worker}\n');
    assert.deepEqual(nodeNames(root), ['a', 'b']);
    mkdirSync(join(root, 'empty'));
    assert.throws(() => nodeNames(join(root, 'empty')), /expected one of Pulumi\.lab\.yaml/);
  });
});

describe('prox-ops lab monitor', () => {
  const judgement = (changes: Partial<Judgement['invariants'][number]>): Judgement => {
    const invariants = INVARIANT_NAMES.map((invariant) => ({
      invariant,
      says: 'says',
      holds: true,
      violations: [],
      ...(invariant === 'I3' ? changes : {}),
    }));
    const holds = invariants.every((one) => one.holds);
    return { armed: 0, holds, complete: invariants.every((one) => !('unwatched' in one)), invariants };
  };

  it('ends with 0 only when everything was watched and holds', () => {
    assert.equal(judgementExitCode(judgement({})), EXIT.done);
    assert.equal(judgementExitCode(judgement({ unwatched: 'no audit log' })), EXIT.unproven);
    assert.equal(judgementExitCode(judgement({ holds: false })), EXIT.failed);
  });

  it('shows the moment and the evidence of a violation', () => {
    const violations = [{ at: 0, seq: 41, what: 'a VM was stopped', evidence: { faulty: ['pvc-1'] } }];
    const text = judgementText(judgement({ holds: false, violations }));
    assert.match(text, /1970-01-01T00:00:00\.000Z \(event 41\): a VM was stopped/);
    assert.match(text, /"faulty": \[\n\s+"pvc-1"/);
  });
});

describe('prox-ops lab status', () => {
  it('shows one line a machine, with its node and its satellite', () => {
    const status: LabStatus = {
      name: 'lab',
      pid: 1,
      base: 20,
      directory: '/d',
      started: '2026-11-21T12:00:00Z',
      hosts: [{ name: 'odin', address: '127.20.66.12', online: false, vms: 2 }],
      vms: [
        { vmid: 8004, name: 'k8s-work-1', host: 'odin', running: true, template: false, uuid: 'u' },
        { vmid: 9000, name: 'talos', host: 'odin', running: false, template: true, uuid: 'v' },
      ],
      machines: [
        {
          node: 'k8s-work-1',
          vmid: 8004,
          address: 'x',
          stage: 'running',
          role: 'worker',
          talos: 'v1.12.0',
          kubelet: 'v1.34.1',
        },
      ],
      etcd: { quorum: true, members: [{ id: '1', node: 'k8s-ctrl-1', role: 'voter', up: true, leader: true }] },
      kubernetes: { reachable: true, nodes: [{ name: 'k8s-work-1', ready: false }] },
      linstor: {
        nodes: [{ name: 'k8s-work-1', status: 'ONLINE', flags: ['EVACUATE'] }],
        resources: 4,
        faulty: ['pvc-1'],
      },
      faults: [{ name: 'never-boots', subject: 'k8s-work-1', left: Infinity }],
      failures: [{ part: 'etcd', message: 'ended (exit code 1)' }],
      monitor: { armed: null, holds: true, complete: false, violations: 0 },
    };
    const text = statusText(JSON.parse(JSON.stringify(status)) as LabStatus);
    assert.match(text, /^k8s-work-1 +8004 +odin +worker +running +v1\.12\.0 +v1\.34\.1 +NotReady +ONLINE EVACUATE$/m);
    assert.match(text, /^odin +127\.20\.66\.12 +offline +2$/m);
    assert.match(text, /^9000 +talos +odin +template$/m);
    assert.match(text, /etcd: quorum; k8s-ctrl-1 \(voter, leader\)/);
    assert.match(text, /LINSTOR: 1 of 1 satellites online, 4 resources, faulty: pvc-1/);
    assert.match(text, /faults: never-boots k8s-work-1\n/);
    assert.match(text, /monitor: waits for the complete cluster/);
    assert.match(text, /FAILED etcd: ended \(exit code 1\)$/);
  });
});
