import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import {
  changeInPlace,
  abortInPlace,
  TalosError,
  type InPlaceChange,
  type InPlaceResult,
} from '../../operations/src/index';
import { expectStop } from './support/expectStop';
import { POOL } from './support/fakeLinstor';
import { addressOf, RELEASE, World } from './support/world';

const NEW = { ...RELEASE, talos: 'v1.13.1' };
const REBOOT: InPlaceChange = { kind: 'reboot', mode: 'default' };
const UPGRADE: InPlaceChange = {
  kind: 'upgrade',
  image: 'factory/installer:v1.13.1',
  previous: { image: 'factory/installer:v1.13.0', release: RELEASE },
};

describe('R000-6 R004-FR6 a node is rebooted or upgraded with every guard of a replacement', () => {
  let world: World;
  let phases: string[];
  let boots: number;

  beforeEach(() => {
    world = new World();
    phases = [];
    boots = 0;
    world.linstor.replica('pvc-1', 'w1');
    world.linstor.replica('pvc-1', 'w2');
    world.talos.onReboot = reboot;
    world.talos.onUpgrade = (machine, image) => {
      machine.version = image.split(':')[1] ?? '';
      reboot(machine);
    };
  });

  afterEach(() => rmSync(world.snapshots, { recursive: true, force: true }));

  /** A machine that boots is a new boot to its kubelet as well. */
  function reboot(machine: { address: string; bootId: string }): void {
    machine.bootId = `boot-${++boots}-${machine.address}`;
    for (const name of ['w1', 'c1'])
      if (addressOf(name) === machine.address)
        world.kubernetes.at(`/api/v1/nodes/${name}`).status.nodeInfo.bootID = machine.bootId;
  }

  function change(node: string, what: InPlaceChange, run = 'run-1'): Promise<InPlaceResult> {
    const { ctx, deps } = world.run(run);
    const inputs = { ...world.inputs(node), ...(what.kind === 'upgrade' && { release: NEW }) };
    const onPhase = (phase: string, state: string): void => void (state === 'finished' && phases.push(phase));
    return world.clock.run(changeInPlace(inputs, what, { ctx, deps, onPhase }));
  }

  function asBefore(): void {
    assert.notEqual(world.node('w1').spec?.unschedulable, true);
    assert.deepEqual(world.linstor.find('w1').flags ?? [], []);
    assert.equal(world.lease()?.spec['holderIdentity'], '');
  }

  it('a reboot: out with all steps, rebooted, back with all steps', async () => {
    assert.deepEqual(await change('w1', REBOOT), { outcome: 'changed' });
    const out = ['turn', 'drain', 'evacuate', 'etcd spare', 'change'];
    assert.deepEqual(phases, [...out, 'join', 'etcd join', 'restore', 'uncordon', 'health']);
    assert.deepEqual(world.talos.writes, [`reboot ${addressOf('w1')} default`]);
    assert.match(world.told, /no replica left in lvm-thick/);
    asBefore();
  });

  it('a control plane keeps its etcd member: snapshot, leadership handed on, nobody leaves', async () => {
    await change('c1', REBOOT);
    assert.deepEqual(world.talos.writes, [`forfeit ${addressOf('c1')}`, `reboot ${addressOf('c1')} default`]);
    assert.match(world.told, /snapshot verified/);
    assert.ok(world.machine('c1').member);
  });

  it('etcd that cannot spare the member stops it before the reboot, and all is put back', async () => {
    world.machine('c2').reachable = false;
    const { outcome, why } = await change('c1', REBOOT);
    assert.equal(outcome, 'put back');
    assert.match(why ?? '', /etcd/);
    assert.ok(!world.talos.writes.some((write) => write.startsWith('reboot')));
  });

  it('R000-7 replicas that have no other place stop it before the reboot, and all is put back', async () => {
    for (const name of world.linstor.free.keys()) world.linstor.free.set(name, 0);
    world.linstor.list = world.linstor.list.filter(({ node_name }) => node_name !== 'w2');
    const { outcome, why } = await change('w1', REBOOT);
    assert.equal(outcome, 'put back');
    assert.match(why ?? '', new RegExp(`room on other nodes|${POOL}`));
    assert.deepEqual(world.talos.writes, []);
    asBefore();
  });

  it('an upgrade: the image is pulled before the cordon, and the new release verified', async () => {
    assert.deepEqual(await change('w1', UPGRADE), { outcome: 'changed' });
    assert.deepEqual(phases.slice(0, 3), ['turn', 'pull', 'drain']);
    assert.equal(world.machine('w1').version, NEW.talos);
    assert.match(world.told, /Talos v1\.13\.1 runs/);
    asBefore();
  });

  it('an image that cannot be pulled leaves the node in service', async () => {
    world.talos.pullImage = () => Promise.reject(new TalosError('other', 'manifest unknown'));
    const { outcome, why } = await change('w1', UPGRADE);
    assert.equal(outcome, 'put back');
    assert.match(why ?? '', /manifest unknown/);
    assert.ok(!phases.includes('drain'));
    asBefore();
  });

  it('an installer that fails leaves the machine as it was: put back, not rebooted', async () => {
    world.talos.upgrade = () => Promise.reject(new TalosError('other', 'upgrade failed with exit code 3'));
    const { outcome, why } = await change('w1', UPGRADE);
    assert.equal(outcome, 'put back');
    assert.match(why ?? '', /exit code 3/);
    assert.equal(boots, 0);
    asBefore();
  });

  it('R003-5 another version than installed: back to the previous installer image', async () => {
    world.talos.onUpgrade = (machine, image) => {
      machine.version = image.endsWith('v1.13.1') ? 'v1.13.9' : RELEASE.talos;
      reboot(machine);
    };
    const { outcome, why } = await change('w1', UPGRADE);
    assert.equal(outcome, 'rolled back');
    assert.match(why ?? '', /Expected: Talos v1\.13\.1\. Found: Talos v1\.13\.9/);
    assert.equal(world.machine('w1').version, RELEASE.talos);
    asBefore();
  });

  it('a machine that never comes back keeps the lease open; the same change again goes on', async () => {
    world.talos.onReboot = (machine) => void (machine.reachable = false);
    await expectStop(change('w1', REBOOT), /a new boot of the machine within/, /lease stays open/);
    assert.equal(world.lease()?.metadata.annotations['prox-ops.io/node'], 'w1');
    const machine = world.machine('w1');
    machine.reachable = true;
    world.talos.onReboot = reboot;
    world.proofs.set('run-1', true);
    assert.deepEqual(await change('w1', REBOOT, 'run-2'), { outcome: 'changed' });
    asBefore();
  });

  it('no other node is changed while one is out', async () => {
    world.talos.onReboot = (machine) => void (machine.reachable = false);
    await expectStop(change('w1', REBOOT));
    const { outcome, why } = await change('c1', REBOOT, 'run-2');
    assert.equal(outcome, 'put back');
    assert.match(why ?? '', /node w1 is out of the cluster/);
  });

  it('a change that was stopped before it began is given up: all is put back', async () => {
    world.machine('w1').reachable = false;
    await change('w1', REBOOT).catch(() => undefined);
    world.machine('w1').reachable = true;
    world.proofs.set('run-1', true);
    const { ctx, deps } = world.run('run-2');
    await world.clock.run(abortInPlace(world.inputs('w1'), { ctx, deps }));
    asBefore();
  });
});
