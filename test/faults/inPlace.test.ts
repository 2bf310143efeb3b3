import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import { cordoned, generations, powerCut, release, seen, talosVersions } from '../support/engine-cluster';
import { EngineLab } from '../support/engine-lab';
import { holds } from '../support/verdict';

const NODES = ['k8s-ctrl-1', 'k8s-ctrl-2', 'k8s-ctrl-3', 'k8s-work-1', 'k8s-work-2', 'k8s-work-3'];
const OLD = 'v1.12.4';
const NEW = 'v1.12.5';

/** Machines that are rebooted and upgraded as they stand, with every guard of a replacement around it. */
describe('R000-6 R003-5 R004-FR6 changes in place on the real engine', () => {
  let engine: EngineLab;
  let built: Record<string, number>;

  before(async () => {
    engine = await EngineLab.start({ base: 117, nodes: NODES, rollout: { healthPasses: 1, nodeReadyTimeout: 60 } });
    await release(engine, OLD);
    const up = await engine.proxOps('up');
    assert.equal(up.code, 0, up.output);
    await engine.lab.armed();
    built = generations(engine);
  });

  after(async () => {
    await engine?.close();
  });

  it('an etcd snapshot: private, verified, with the members; it never overwrites', async () => {
    const file = join(engine.project, 'etcd.db');
    const saved = await engine.proxOps('snapshot', file, '--json');
    assert.equal(saved.code, 0, saved.output);
    const { bytes, members } = JSON.parse(saved.stdout) as { bytes: number; members: { hostname: string }[] };
    assert.equal(bytes, statSync(file).size);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.deepEqual(members.map(({ hostname }) => hostname).sort(), NODES.slice(0, 3));
    const again = await engine.proxOps('snapshot', file);
    assert.equal(again.code, 2, again.output);
    assert.match(again.output, /expected no file yet at .*etcd\.db; found one that would be overwritten/);
  });

  it('a snapshot that ends early leaves no file, exit 2', async () => {
    engine.lab.faults.set('snapshot-truncated');
    const file = join(engine.project, 'short.db');
    const saved = await engine.proxOps('snapshot', file);
    engine.lab.faults.clear();
    assert.equal(saved.code, 2, saved.output);
    assert.match(saved.output, /No snapshot: expected a snapshot of etcd; found .*checksum not found/);
    assert.deepEqual(
      readdirSync(engine.project).filter((name) => name.startsWith('short.db')),
      [],
    );
  });

  it('a worker and a control plane are rebooted, and are back as they were', async () => {
    for (const node of ['k8s-work-3', 'k8s-ctrl-2']) {
      const before = await bootOf(node);
      const reboot = await engine.proxOps('reboot', node, '--guarded', '--yes');
      assert.equal(reboot.code, 0, reboot.output);
      assert.match(reboot.output, new RegExp(`${node}: rebooted in`));
      assert.notEqual(await bootOf(node), before);
      await whole(node);
    }
  });

  it('a reboot that storage does not allow does not happen: put back, exit 3', async () => {
    const before = await bootOf('k8s-work-1');
    engine.lab.faults.set('evacuation-no-capacity');
    const reboot = await engine.proxOps('reboot', 'k8s-work-1', '--yes');
    engine.lab.faults.clear();
    assert.equal(reboot.code, 3, reboot.output);
    assert.equal(await bootOf('k8s-work-1'), before);
    await whole('k8s-work-1');
  });

  it('a run that is killed while the node is out: abort brings it back', async () => {
    const driver = engine.begin('reboot', 'k8s-work-3', '--yes', '--json');
    const finished = engine.finished(driver);
    await seen(driver, /"phase\.finished","node":"k8s-work-3","phase":"drain"/);
    powerCut(driver);
    await finished;
    const abort = await engine.proxOps('abort');
    assert.equal(abort.code, 0, abort.output);
    await whole('k8s-work-3');
  });

  it('a patch release is planned in place, a minor one by a replacement', async () => {
    await release(engine, NEW);
    assert.deepEqual([...new Set(await actions())], ['upgrade']);
    assert.deepEqual([...new Set(await actions('--strategy', 'replace'))], ['replace']);
  });

  it('one worker is upgraded: nothing of it is left to do, and nothing else was touched', async () => {
    const upgrade = await engine.proxOps('upgrade', 'k8s-work-1', '--yes');
    assert.equal(upgrade.code, 0, upgrade.output);
    assert.equal(talosVersions(engine)['k8s-work-1'], NEW);
    await untouched('k8s-work-1');
    const status = await engine.proxOps('status', '--json');
    const { nodes } = JSON.parse(status.stdout) as { nodes: { name: string; stale: boolean }[] };
    assert.deepEqual(
      nodes.filter(({ stale }) => !stale).map(({ name }) => name),
      ['k8s-work-1'],
    );
  });

  it('a machine that does not come up with the new release goes back to the one before, and is held there', async () => {
    engine.lab.faults.set('never-ready', 'k8s-work-2');
    const driver = engine.begin('upgrade', 'k8s-work-2', '--yes', '--json');
    const finished = engine.finished(driver);
    await seen(driver, /"phase\.started","node":"k8s-work-2","phase":"roll back"/);
    engine.lab.faults.clear('never-ready', 'k8s-work-2');
    const { code, output } = await finished;
    assert.equal(code, 3, output);
    assert.match(output, /"outcome":"rolled back"/);
    assert.equal(talosVersions(engine)['k8s-work-2'], OLD);
    assert.match(readFileSync(engine.stackFile, 'utf8'), /release: [ab]/);
    await untouched('k8s-work-2');
    await engine.proxOps('rollback', 'k8s-work-2', '--clear');
  });

  it('the others follow by a roll, control planes first, and a preview then wants nothing', async () => {
    const roll = await engine.proxOps('roll', '--yes');
    assert.equal(roll.code, 0, roll.output);
    assert.deepEqual([...new Set(Object.values(talosVersions(engine)))], [NEW]);
    assert.deepEqual(generations(engine), built);
    const preview = await engine.pulumi(['preview', '--expect-no-changes']);
    assert.equal(preview.code, 0, preview.output);
    const refreshed = await engine.pulumi(['preview', '--refresh', '--expect-no-changes']);
    assert.equal(refreshed.code, 0, refreshed.output);
    await holds(engine);
  });

  it('a node that was upgraded in place is replaced by the template of its release', async () => {
    const roll = await engine.proxOps('rollback', 'k8s-work-1', '--yes');
    assert.equal(roll.code, 0, roll.output);
    assert.equal(talosVersions(engine)['k8s-work-1'], OLD);
    assert.notEqual(generations(engine)['k8s-work-1'], built['k8s-work-1']);
    await holds(engine);
  });

  /** The boot that the node's kubelet tells of. */
  async function bootOf(name: string): Promise<string | undefined> {
    const config = new KubeConfig();
    config.loadFromString(await engine.lab.parts.kubernetes.adminKubeconfig());
    return (await config.makeApiClient(CoreV1Api).readNode({ name })).status?.nodeInfo?.bootID;
  }

  async function actions(...options: string[]): Promise<string[]> {
    const plan = await engine.proxOps('plan', '--json', ...options);
    assert.equal(plan.code, 0, plan.output);
    return (JSON.parse(plan.stdout) as { nodes: { action: string }[] }).nodes.map(({ action }) => action);
  }

  /** In service, with its VM, and the monitor content. */
  async function whole(node: string): Promise<void> {
    assert.equal(generations(engine)[node], built[node]);
    assert.equal(await cordoned(engine, node), false);
    const ready = engine.lab.status().kubernetes.nodes.find(({ name }) => name === node)?.ready;
    assert.equal(ready, true);
    await holds(engine);
  }

  /** A preview of the whole stack replaces nothing of the node. */
  async function untouched(node: string): Promise<void> {
    await whole(node);
    const plan = await engine.proxOps('plan', '--json');
    const { nodes } = JSON.parse(plan.stdout) as { nodes: { name: string }[] };
    assert.ok(!nodes.some(({ name }) => name === node), plan.stdout);
    const preview = await engine.pulumi(['preview', '--json'], { PROX_OPS_PLAN: '1' });
    const { steps } = JSON.parse(preview.stdout) as { steps: { op: string; urn: string }[] };
    const of = steps.filter(({ op, urn }) => urn.includes('TalosNode$') && urn.includes(`::${node}-`) && op !== 'same');
    assert.deepEqual(of, []);
  }
});
