import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EngineLab } from '../support/engine-lab';
import { REPOSITORY } from '../support/stack-files';

const NODES = ['k8s-ctrl-1', 'k8s-ctrl-2', 'k8s-ctrl-3', 'k8s-work-1', 'k8s-work-2', 'k8s-work-3'];

/** The pack as the driver passes it by default, and the report that people read. */
describe('policies on the real engine', () => {
  let engine: EngineLab;

  before(async () => {
    engine = await EngineLab.start({ base: 145, nodes: NODES, rollout: { healthPasses: 1 } });
  });

  after(async () => {
    await engine.close();
  });

  function configure(policies: object): void {
    const own = JSON.parse(readFileSync(join(REPOSITORY, 'policies/config.json'), 'utf8')) as object;
    writeFileSync(join(engine.project, 'Pulumi.lab.policies.json'), JSON.stringify({ ...own, ...policies }));
  }

  it('lets the cluster pass before it is built, and says what it cannot judge yet', async () => {
    const check = await engine.proxOps('check', '--json');
    assert.equal(check.code, 0, check.output);
    const report = JSON.parse(check.stdout) as { findings: unknown[]; unjudged: unknown[]; resources: number };
    assert.deepEqual(report.findings, []);
    assert.ok(report.unjudged.length > 0, 'a first preview knows no schematic yet');
    assert.ok(report.resources > NODES.length * 8);
  });

  it('is judged by default: up is blocked before anything is created, in the stack as a whole and resource by resource', async () => {
    configure({ 'vm-tags': { required: ['backup-daily'] } });
    const up = await engine.proxOps('up');
    assert.notEqual(up.code, 0);
    assert.match(up.output, /expected the tag backup-daily/);
    assert.deepEqual(
      engine.lab.status().vms.filter((vm) => !vm.template),
      [],
    );
  });

  it('builds the cluster with the pack', async () => {
    configure({});
    const up = await engine.proxOps('up');
    assert.equal(up.code, 0, up.output);
  });

  it('check: violations by node in every format, exit code 2', async () => {
    configure({ 'host-memory': { reserve: 262_000 }, 'vm-id-fixed': { first: 8002 } });
    const out = ['json', 'sarif', 'md', 'txt'].map((ending) => join(engine.project, `report.${ending}`));
    const check = await engine.proxOps('check', '--out', ...out);
    assert.equal(check.code, 2, check.output);
    assert.match(
      check.stdout,
      /k8s-ctrl-1 {2}\(Pulumi\.lab\.yaml:\d+\)\n {2}violation {2}vm-id-fixed\n {4}k8s-ctrl-1: expected a VM id from 8002/,
    );
    assert.match(check.stdout, /the cluster .*\n {2}violation {2}host-memory/);
    for (const file of out) assert.match(readFileSync(file, 'utf8'), /vm-id-fixed/);
  });

  it('a roll is refused by its preview, without a node touched; --skip-policies needs a day and a reason', async () => {
    const released = await engine.proxOps('release', 'v1.12.4');
    assert.equal(released.code, 0, released.output);
    const roll = await engine.proxOps('roll', '--yes', '--nodes', 'k8s-work-1');
    assert.equal(roll.code, 2, roll.output);
    assert.match(roll.output, /policy violation\(s\)\. Nothing was changed\./);
    const skipped = await engine.proxOps('roll', '--yes', '--nodes', 'k8s-work-1', '--skip-policies', 'because');
    assert.equal(skipped.code, 1, skipped.output);
    assert.match(skipped.output, /--skip-policies: Expected 'YYYY-MM-DD: reason'/);
  });

  it('change policies: a release for every node is one update too much, and no problem for a rollout', async () => {
    configure({});
    const bare = await engine.proxOps('check');
    assert.equal(bare.code, 2, bare.output);
    assert.match(
      bare.stdout,
      /one-node-at-a-time\n.*found 6: k8s-ctrl-1, k8s-ctrl-2, k8s-ctrl-3, k8s-work-1, k8s-work-2, k8s-work-3/,
    );
    const rolled = await engine.proxOps('check', '--roll');
    assert.equal(rolled.code, 0, rolled.output);
  });

  it('one node is rolled with the pack, which judges resources one by one in a targeted update', async () => {
    const roll = await engine.proxOps('roll', '--yes', '--nodes', 'k8s-work-1');
    assert.equal(roll.code, 0, roll.output);
  });
});
