import assert from 'node:assert/strict';
import { once } from 'node:events';
import { EngineLab } from '../support/engine-lab';
import { holds } from '../support/verdict';

const NODES = ['k8s-ctrl-1', 'k8s-ctrl-2', 'k8s-ctrl-3', 'k8s-work-1', 'k8s-work-2', 'k8s-work-3'];

/** One cluster, from nothing through every ending of a rollout; each test leaves it whole for the next. */
describe('the real engine, on a cluster of six nodes', () => {
  let engine: EngineLab;

  before(async () => {
    engine = await EngineLab.start({ base: 111, nodes: NODES, rollout: { healthPasses: 1 } });
  });

  after(async () => {
    await engine.close();
  });

  /** Ids of the VMs as they are now; a replaced VM has another generation. */
  function generations(): Record<string, number> {
    const { proxmox } = engine.lab.parts;
    const vms = engine.lab.status().vms.filter((vm) => !vm.template);
    return Object.fromEntries(vms.map((vm) => [vm.name, proxmox.hardware(vm.vmid)?.generation ?? 0]));
  }

  function talosVersions(): Record<string, string> {
    return Object.fromEntries(engine.lab.status().machines.map((machine) => [machine.node, machine.talos]));
  }

  it('builds the cluster from nothing', async () => {
    const up = await engine.proxOps('up');
    assert.equal(up.code, 0, up.output);
    await engine.lab.armed();
    const status = engine.lab.status();
    assert.deepEqual(status.kubernetes.nodes.filter((node) => node.ready).length, NODES.length);
    assert.equal(status.etcd.members.filter((member) => member.role === 'voter').length, 3);
  });

  it('a preview of the unchanged stack shows no change', async () => {
    const preview = await engine.pulumi(['preview', '--expect-no-changes']);
    assert.equal(preview.code, 0, preview.output);
  });

  it('a bare up that would replace two nodes is refused in its preview, naming both and the command', async () => {
    const before = generations();
    await release('v1.12.4');
    const up = await engine.pulumi(['up', '--yes']);
    assert.notEqual(up.code, 0);
    assert.match(up.output, /expected k8s-\S+ alone, found k8s-\S+ as well/);
    assert.match(up.output, /prox-ops roll/);
    assert.deepEqual(generations(), before);
  });

  it('R000-7 LINSTOR refuses to evacuate: the VM is untouched, and what was taken down is put back', async () => {
    const before = generations();
    engine.lab.faults.set('evacuation-no-capacity');
    const roll = await engine.proxOps('roll', '--yes', '--nodes', 'k8s-work-1');
    engine.lab.faults.clear('evacuation-no-capacity');
    assert.equal(roll.code, 3, roll.output);
    assert.deepEqual(generations(), before);
    assert.equal(await cordoned('k8s-work-1'), false);
    assert.deepEqual(
      engine.lab.status().linstor.nodes.filter((node) => node.flags.length > 0),
      [],
    );
    await holds(engine);
  });

  it('a policy pack blocks an update', async () => {
    const pack = `${__dirname}/../fixtures/policies/refuse-everything`;
    const roll = await engine.proxOps('roll', '--yes', '--nodes', 'k8s-work-1', '--policy-pack', pack);
    assert.notEqual(roll.code, 0);
    assert.match(roll.output, /refused by the fixture/);
    await engine.proxOps('abort');
    await holds(engine);
  });

  it('I8 R000-1 a driver killed in mid-replacement converges when it is run again: all nodes rolled', async () => {
    const before = generations();
    const driver = engine.begin('roll', '--yes', '--json');
    const finished = engine.finished(driver);
    await seen(driver, /"phase\.finished","node":"k8s-ctrl-1","phase":"delete VM"/);
    driver.kill('SIGKILL');
    await finished;
    const again = await engine.proxOps('roll', '--yes');
    assert.equal(again.code, 0, again.output);
    const after = generations();
    for (const node of NODES) assert.notEqual(after[node], before[node], `${node} was not replaced`);
    assert.deepEqual(talosVersions(), Object.fromEntries(NODES.map((node) => [node, 'v1.12.4'])));
    await holds(engine);
  });

  it('a second roll does nothing', async () => {
    const before = generations();
    const roll = await engine.proxOps('roll', '--yes');
    assert.equal(roll.code, 0, roll.output);
    assert.match(roll.output, /nothing to do/);
    assert.deepEqual(generations(), before);
  });

  it('with --skip-preview the lease refuses the second node; the first is resumable, and running on converges', async () => {
    const before = generations();
    await release('v1.12.5');
    const up = await engine.pulumi(['up', '--yes', '--skip-preview'], { PROX_OPS_PLAN: '1' });
    assert.notEqual(up.code, 0);
    assert.match(up.output, /turn stopped\. Expected: the turn to change the cluster/);
    assert.deepEqual(generations(), before);
    const roll = await engine.proxOps('roll', '--yes', '--max-nodes', '1');
    assert.equal(roll.code, 0, roll.output);
    assert.equal(talosVersions()['k8s-ctrl-1'], 'v1.12.5');
    await holds(engine);
  });

  async function release(talos: string): Promise<void> {
    const changed = await engine.proxOps('release', talos);
    assert.equal(changed.code, 0, changed.output);
  }

  async function cordoned(node: string): Promise<boolean> {
    const { CoreV1Api, KubeConfig } = await import('@kubernetes/client-node');
    const config = new KubeConfig();
    config.loadFromString(await engine.lab.parts.kubernetes.adminKubeconfig());
    const found = await config.makeApiClient(CoreV1Api).readNode({ name: node });
    return found.spec?.unschedulable === true;
  }
});

/** Resolves when the child has written something that fits. */
async function seen(child: { stdout: NodeJS.ReadableStream | null }, pattern: RegExp): Promise<void> {
  let text = '';
  while (!pattern.test(text)) {
    assert.ok(child.stdout);
    const [chunk] = (await once(child.stdout, 'data')) as [Buffer];
    text += chunk.toString();
  }
}
