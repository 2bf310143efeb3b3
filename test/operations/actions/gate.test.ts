import assert from 'node:assert/strict';
import { join, leave, ProxmoxError } from '../../../operations/src/index';
import { expectStop } from '../support/expectStop';
import { World, type Run } from '../support/world';

describe('gate', () => {
  let world: World;
  let run: Run;

  beforeEach(() => {
    world = new World();
    run = world.run('run-1');
  });

  const vm = (): { vmid: number; name: string; host: string; uuid: string } =>
    world.proxmox.vms.get(8011) ?? assert.fail();

  describe('last look before the VM is deleted (I5)', () => {
    const look = (): Promise<void> => world.clock.run(leave('gate', world.inputs('w1'), run.ctx, run.deps));

    it('the planned machine may go', async () => {
      await look();
      assert.match(world.told, /\[w1\] gate: VM and Kubernetes node are the planned ones/);
    });

    it('upper and lower case of a UUID are the same', async () => {
      await world.clock.run(leave('gate', world.inputs('w1', { uuid: vm().uuid.toUpperCase() }), run.ctx, run.deps));
    });

    for (const [what, change] of [
      ['name', { name: 'database' }],
      ['UUID', { uuid: 'ffffffff-0000-4000-8000-000000000000' }],
      ['missing UUID', { uuid: '' }],
      ['host', { host: 'pve2' }],
    ] as const) {
      it(`a VM under that id with another ${what} is not the planned one`, async () => {
        Object.assign(vm(), change);
        await expectStop(look(), /VM 8011 named w1 on pve1 with UUID/, /find out whose machine that is/);
      });
    }

    it('a Kubernetes node of that name on another machine stops it', async () => {
      const node = world.kubernetes.at('/api/v1/nodes/w1');
      node.status.nodeInfo.systemUUID = 'ffffffff-0000-4000-8000-000000000000';
      await expectStop(look(), /it runs on ffffffff/);
    });

    it('a machine that holds a guarded replica stays, whatever ran before (I3)', async () => {
      world.linstor.replica('pvc-1', 'w1');
      world.linstor.replica('pvc-1', 'w2');
      await expectStop(look(), /Expected: no replica left on w1\. Found: pvc-1/, /prox-ops roll/);
    });

    it('a LINSTOR that does not answer counts as unsafe', async () => {
      world.linstor.down = true;
      await expectStop(look(), /an answer from the LINSTOR controller/);
    });

    it('a VM that is gone already is fine, and said', async () => {
      world.proxmox.vms.delete(8011);
      await look();
      assert.match(world.told, /its VM is gone already/);
    });

    it('a VM that is not listed while its host is offline may be there', async () => {
      world.proxmox.vms.delete(8011);
      world.proxmox.offline.add('pve1');
      await expectStop(look(), /the VM is not listed and pve1 is not online/);
    });

    it('a host that does not answer stops it', async () => {
      world.proxmox.vm = () =>
        Promise.reject(new ProxmoxError('GET /nodes/pve1/qemu/8011/config: 595 No route to host'));
      await expectStop(look(), /595 No route to host/);
    });
  });

  describe('join', () => {
    const arrive = (node = 'w1'): Promise<unknown> =>
      world.clock.run(join('gate', world.inputs(node), run.ctx, run.deps));
    const left = async (): Promise<void> => world.clock.run(leave('gate', world.inputs('w1'), run.ctx, run.deps));
    const machine = (): ReturnType<World['machine']> => world.machine('w1');

    it('Talos runs, versions are right, the node is Ready', async () => {
      assert.deepEqual(await arrive(), { talos: 'v1.13.0', kubelet: 'v1.36.3' });
      assert.deepEqual(world.kubernetes.writes, []);
    });

    it('tells what is missing on the way', async () => {
      machine().reachable = false;
      world.ready('w1', false);
      world.clock.after(10_000, () => Object.assign(machine(), { reachable: true, stage: 'booting' }));
      world.clock.after(20_000, () => Object.assign(machine(), { stage: 'running' }));
      world.clock.after(30_000, () => world.ready('w1', true));
      await arrive();
      for (const line of ['connection refused', 'Talos is booting', 'the node to be Ready (kubelet is down)']) {
        assert.ok(world.told.includes(line), line);
      }
    });

    it('a Node object that tells of the machine before is not believed', async () => {
      machine().bootId = 'new-boot';
      const node = world.kubernetes.at('/api/v1/nodes/w1');
      world.clock.after(40_000, () => {
        node.status.nodeInfo.bootID = 'new-boot';
        world.kubernetes.put('/api/v1/nodes/w1', node);
      });
      const start = world.clock.now();
      await arrive();
      assert.ok(world.clock.now() - start >= 40_000);
      assert.match(world.told, /its new kubelet to report/);
    });

    it('another Talos version, schematic, or kubelet is an error at once', async () => {
      const start = world.clock.now();
      machine().version = 'v1.12.0';
      await expectStop(arrive(), /Expected: Talos v1\.13\.0\. Found: Talos v1\.12\.0/, /prox-ops rollback/);
      Object.assign(machine(), { version: 'v1.13.0', schematic: 'other' });
      await expectStop(arrive(), /the schematic abc123/, /other/);
      machine().schematic = 'abc123';
      world.kubernetes.at('/api/v1/nodes/w1').status.nodeInfo.kubeletVersion = 'v1.35.0';
      await expectStop(arrive(), /Expected: kubelet v1\.36\.3\. Found: kubelet v1\.35\.0/);
      assert.ok(world.clock.now() - start < 5_000);
    });

    it('R001-3: maintenance mode fails fast, with what to do by hand', async () => {
      machine().stage = 'maintenance';
      const start = world.clock.now();
      await expectStop(arrive(), /stays in maintenance mode/, /talosctl apply-config --insecure -n 10\.0\.1\.1/);
      assert.ok(world.clock.now() - start <= 15_000);
    });

    it('a machine that is about to leave maintenance mode is given the moment', async () => {
      machine().stage = 'maintenance';
      world.clock.after(5_000, () => Object.assign(machine(), { stage: 'running' }));
      await arrive();
    });

    it('R001-2: a stall is rebooted through Talos, and the node comes', async () => {
      await left();
      machine().stage = 'booting';
      world.talos.onReboot = () => world.clock.after(20_000, () => Object.assign(machine(), { stage: 'running' }));
      await arrive();
      assert.deepEqual(world.talos.writes, ['reboot 10.0.1.1 powercycle']);
      assert.match(world.told, /stalled \(Talos is booting\): reboot 1 of 2 through Talos, mode powercycle/);
    });

    it('R001-2: at most maxRemediations times, then it fails clearly, within nodeReadyTimeout', async () => {
      await left();
      machine().stage = 'booting';
      const start = world.clock.now();
      await expectStop(arrive(), /w1 Ready within 600 s/, /Talos is booting, after 2 reboots/, /prox-ops rollback/);
      assert.equal(world.talos.writes.length, 2);
      assert.ok(world.clock.now() - start <= 610_000);
    });

    it('a machine whose API does not answer cannot be rebooted through Talos', async () => {
      await left();
      machine().reachable = false;
      await expectStop(arrive(), /connection refused/);
      assert.deepEqual(world.talos.writes, []);
      assert.match(world.told, /so it cannot be rebooted through Talos/);
    });

    it('R004-CR: a node that never left through us is never rebooted', async () => {
      machine().stage = 'booting';
      await expectStop(arrive(), /after 0 reboots/);
      assert.deepEqual(world.talos.writes, []);
    });

    it('the Kubernetes API away for a while, as when a control plane joins', async () => {
      await left();
      world.clock.after(1, () => void (world.kubernetes.down = true));
      machine().stage = 'booting';
      world.clock.after(30_000, () => Object.assign(machine(), { stage: 'running' }));
      world.clock.after(60_000, () => void (world.kubernetes.down = false));
      await arrive();
    });
  });
});
