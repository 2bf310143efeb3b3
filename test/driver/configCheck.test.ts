import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { REPOSITORY } from '../support/stack-files';

interface Checked {
  ok: boolean;
  problems: { line: number; path: string; expected: string; found: string }[];
  advice: { path: string }[];
  hosts: { host: string; nodes: string[]; templates: number[]; memory: { used: number; there: number } }[];
}

describe('prox-ops config', () => {
  let project: string;

  before(() => {
    project = mkdtempSync(join(tmpdir(), 'prox-ops-config-'));
    writeFileSync(join(project, 'Pulumi.yaml'), 'name: prox-ops\nruntime: nodejs\n');
    copyFileSync(join(REPOSITORY, 'Pulumi.prod.yaml'), join(project, 'Pulumi.prod.yaml'));
    copyFileSync(join(REPOSITORY, 'test/fixtures/invalid/vm-id-twice.yaml'), join(project, 'Pulumi.wrong.yaml'));
  });

  after(() => {
    rmSync(project, { recursive: true, force: true });
  });

  function proxOps(...args: string[]): { status: number | null; stdout: string; stderr: string } {
    const command = join(REPOSITORY, 'driver/bin/prox-ops.js');
    return spawnSync(process.execPath, [command, 'config', ...args], { cwd: project, encoding: 'utf8' });
  }

  it('check: shows the plan in short, each host with its nodes and sizes', () => {
    const { status, stdout } = proxOps('check', '--stack', 'prod');
    assert.equal(status, 0);
    assert.match(stdout, /^prox-ops: 3 control planes, 12 workers, Talos v1\.11\.3, Kubernetes v1\.34\.1 \(slot a\)$/m);
    assert.match(stdout, /heimdall +│ k8s-ctrl-2, k8s-work-5, k8s-work-14 +│ 36 of 96 +│ 80 of 256 +│ 9002, 9003/);
    assert.match(stdout, /Pulumi\.prod\.yaml: no problem found\.$/m);
  });

  it('check --json: the same for programs', () => {
    const { status, stdout } = proxOps('check', '--stack', 'prod', '--json');
    assert.equal(status, 0);
    const { ok, problems, advice, hosts } = JSON.parse(stdout) as Checked;
    assert.deepEqual([ok, problems, advice], [true, [], []]);
    assert.deepEqual(
      hosts.map(({ host, memory }) => [host, memory.used / 1024]),
      [
        ['baldar', 112],
        ['heimdall', 80],
        ['odin', 112],
        ['thor', 128],
      ],
    );
  });

  it('check: ends with 1 for a wrong file, each problem with its line', () => {
    const { status, stdout, stderr } = proxOps('check', '--stack', 'wrong');
    assert.equal(status, 1);
    assert.equal(stderr, '');
    assert.match(
      stdout,
      /Pulumi\.wrong\.yaml: 1 problem:\n {2}line 22, prox-ops:nodes\.work-1\.vmId: expected a VM id of its own, found 101, which ctrl-1 has\n$/,
    );
  });

  it('check --json: ends with 1 for a wrong file, and has no plan', () => {
    const { status, stdout } = proxOps('check', '--stack', 'wrong', '--json');
    assert.equal(status, 1);
    const { ok, problems, hosts } = JSON.parse(stdout) as Checked;
    assert.equal(ok, false);
    assert.deepEqual(problems, [
      { line: 22, path: 'prox-ops:nodes.work-1.vmId', expected: 'a VM id of its own', found: '101, which ctrl-1 has' },
    ]);
    assert.deepEqual(hosts, []);
  });

  it('check: advice does not make a file wrong', () => {
    const text = readFileSync(join(project, 'Pulumi.prod.yaml'), 'utf8');
    writeFileSync(
      join(project, 'Pulumi.unwise.yaml'),
      text.replace('vmId: 8002, host: heimdall', 'vmId: 8002, host: baldar'),
    );
    const { status, stdout } = proxOps('check', '--stack', 'unwise');
    assert.equal(status, 0);
    assert.match(
      stdout,
      /1 piece of advice:\n {2}prox-ops:nodes\.k8s-ctrl-2\.host: expected a host with fewer control planes/,
    );
  });

  it('schema: prints what is committed', () => {
    const { status, stdout } = proxOps('schema');
    assert.equal(status, 0);
    assert.equal(stdout, readFileSync(join(REPOSITORY, 'schemas/stack.schema.json'), 'utf8'));
  });
});
