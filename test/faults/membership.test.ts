import assert from 'node:assert/strict';
import type { Node } from 'yaml';
import { cordoned, editStack, generations, registered, seen } from '../support/engine-cluster';
import { EngineLab } from '../support/engine-lab';
import { testNetwork } from '../support/network';
import { holds } from '../support/verdict';

const NODES = ['k8s-ctrl-1', 'k8s-ctrl-2', 'k8s-ctrl-3', 'k8s-work-1', 'k8s-work-2', 'k8s-work-3', 'k8s-work-5'];

const BASE = 114;

/** Nodes come, go and move by an edit of the stack file; each turn leaves with the same steps as a replacement. */
describe('nodes come, go and move', () => {
  let engine: EngineLab;
  const taken = new Map<string, Node>();

  before(async () => {
    engine = await EngineLab.start({ base: BASE, nodes: NODES, rollout: { healthPasses: 1 } });
    const up = await engine.proxOps('up');
    assert.equal(up.code, 0, up.output);
    await engine.lab.armed();
  });

  after(async () => {
    await engine.close();
  });

  it('a worker is moved to another host: replaced there', async () => {
    const before = generations(engine);
    editStack(engine, (document, nodes) => document.setIn([...nodes, 'k8s-work-5', 'host'], 'odin'));
    assert.deepEqual(await planned(), [['k8s-work-5', 'replace']]);
    await roll();
    assert.notEqual(generations(engine)['k8s-work-5'], before['k8s-work-5']);
    assert.equal(vm('k8s-work-5')?.host, 'odin');
    assert.ok(ready('k8s-work-5'));
  });

  it('a worker is removed: it leaves like any other, and nothing remembers it', async () => {
    take('k8s-work-5');
    assert.deepEqual(await planned(), [['k8s-work-5', 'remove']]);
    await cutOff('k8s-work-5');
    const aborted = await engine.proxOps('abort');
    assert.equal(aborted.code, 4, aborted.output);
    assert.match(aborted.output, /k8s-work-5: cannot be put back\. Expected it in the stack file/);
    await roll();
    assert.equal(vm('k8s-work-5'), undefined);
    assert.deepEqual(await registered(engine), without('k8s-work-5'));
    assert.ok(!engine.lab.status().linstor.nodes.some(({ name }) => name === 'k8s-work-5'));
  });

  it('a worker is added, in a turn of its own', async () => {
    give('k8s-work-5');
    assert.deepEqual(await planned(), [['k8s-work-5', 'add']]);
    await roll();
    assert.ok(ready('k8s-work-5'));
  });

  it('a worker whose replicas have no other place is not removed', async () => {
    take('k8s-work-3');
    engine.lab.faults.set('evacuation-no-capacity');
    const refused = await engine.proxOps('roll', '--yes');
    engine.lab.faults.clear('evacuation-no-capacity');
    assert.notEqual(refused.code, 0);
    assert.ok(vm('k8s-work-3'));
    assert.ok(ready('k8s-work-3'));
    give('k8s-work-3');
    await holds(engine);
  });

  it('an even number of control planes is refused before anything is touched', async () => {
    take('k8s-ctrl-3');
    const refused = await engine.proxOps('roll', '--yes');
    assert.notEqual(refused.code, 0);
    assert.match(refused.output, /expected an odd number of control planes, so that etcd keeps a majority, found 2/);
  });

  it('three control planes become one, member by member, and three again', async () => {
    take('k8s-ctrl-2');
    await roll();
    assert.deepEqual(voters(), ['k8s-ctrl-1']);
    assert.deepEqual(await registered(engine), without('k8s-ctrl-2', 'k8s-ctrl-3'));
    give('k8s-ctrl-2');
    give('k8s-ctrl-3');
    await roll();
    assert.deepEqual(voters(), ['k8s-ctrl-1', 'k8s-ctrl-2', 'k8s-ctrl-3']);
    await holds(engine);
  });

  it('a worker gets another address: stopped on its way it is put back where it is, and then comes back there', async () => {
    const [before, address] = [generations(engine), testNetwork(BASE).map('10.20.67.199')];
    editStack(engine, (document, nodes) => document.setIn([...nodes, 'k8s-work-5', 'address'], address));
    const driver = engine.begin('roll', '--yes', '--json');
    const finished = engine.finished(driver);
    await seen(driver, /"phase\.started","node":"k8s-work-5","phase":"drain"/);
    driver.kill('SIGINT');
    const stopped = await finished;
    assert.equal(stopped.code, 130, stopped.output);
    assert.deepEqual(generations(engine), before);
    assert.equal(await cordoned(engine, 'k8s-work-5'), false);
    await holds(engine);
    await roll();
    assert.equal(machine('k8s-work-5')?.address, address);
    assert.ok(ready('k8s-work-5'));
  });

  function without(...nodes: string[]): string[] {
    return NODES.filter((name) => !nodes.includes(name));
  }

  function take(node: string): void {
    editStack(engine, (document, nodes) => {
      taken.set(node, document.getIn([...nodes, node], true) as Node);
      document.deleteIn([...nodes, node]);
    });
  }

  function give(node: string): void {
    editStack(engine, (document, nodes) => document.setIn([...nodes, node], taken.get(node)));
  }

  async function planned(): Promise<[string, string][]> {
    const plan = await engine.proxOps('plan', '--json');
    assert.equal(plan.code, 0, plan.output);
    const { nodes } = JSON.parse(plan.stdout) as { nodes: { name: string; action: string }[] };
    return nodes.map(({ name, action }) => [name, action]);
  }

  async function roll(): Promise<void> {
    const done = await engine.proxOps('roll', '--yes');
    assert.equal(done.code, 0, done.output);
    await holds(engine);
  }

  /** Proxmox goes on with a delete that it was asked for, and tells nobody any more. */
  async function cutOff(node: string): Promise<void> {
    const driver = engine.begin('roll', '--yes', '--json');
    const finished = engine.finished(driver);
    await seen(driver, new RegExp(`"phase\\.started","node":"${node}","phase":"delete VM"`));
    engine.lab.faults.set('proxmox-500');
    const { code, output } = await finished;
    engine.lab.faults.clear();
    assert.notEqual(code, 0, output);
  }

  function vm(node: string) {
    return engine.lab.status().vms.find(({ name }) => name === node);
  }

  function machine(name: string) {
    return engine.lab.status().machines.find(({ node }) => node === name);
  }

  function ready(node: string): boolean {
    return engine.lab.status().kubernetes.nodes.some(({ name, ready }) => name === node && ready);
  }

  function voters(): string[] {
    const { members } = engine.lab.status().etcd;
    return members
      .filter(({ role }) => role === 'voter')
      .map(({ node }) => node)
      .sort();
  }
});
