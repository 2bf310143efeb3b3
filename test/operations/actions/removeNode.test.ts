import assert from 'node:assert/strict';
import { leave, removeNode } from '../../../operations/src/index';
import { expectStop } from '../support/expectStop';
import { World, type Run } from '../support/world';

describe('a node leaves for good', () => {
  let world: World;
  let run: Run;

  beforeEach(() => {
    world = new World();
    run = world.run('run-1');
  });

  /** As NodeIdentity is deleted: every leave step done, VM gone. */
  const forget = async (node: string): Promise<void> => {
    const { node: target, access, settings } = world.inputs(node);
    await world.clock.run(removeNode({ node: target, access, settings }, run.ctx, run.deps));
  };
  const vmGone = (vmid: number, node: string): void => {
    world.proxmox.vms.delete(vmid);
    world.machine(node).reachable = false;
    const satellite = world.linstor.nodesList.find(({ name }) => name === node);
    if (satellite) satellite.connection_status = 'OFFLINE';
  };

  it('Kubernetes and LINSTOR forget it, and the lease is free', async () => {
    await world.clock.run(leave('turn', world.inputs('w1'), run.ctx, run.deps));
    vmGone(8011, 'w1');
    await forget('w1');
    assert.equal(world.node('w1'), undefined);
    assert.deepEqual(world.linstor.writes, ['lose w1']);
    assert.equal(world.lease()?.spec['holderIdentity'], '');
  });

  it('a stale etcd member is removed', async () => {
    const { id, hostname, peerUrls } = world.machine('c1').member ?? assert.fail();
    world.talos.dead.push({ id, hostname, peerUrls, learner: false });
    delete world.machine('c1').member;
    vmGone(8001, 'c1');
    await forget('c1');
    assert.deepEqual(world.talos.writes, ['remove a1']);
  });

  it('is safe to repeat', async () => {
    vmGone(8011, 'w1');
    await forget('w1');
    await forget('w1');
  });

  it('refuses while its VM is there', async () => {
    await expectStop(forget('w1'), /VM 8011 gone before its node is forgotten/);
    assert.ok(world.node('w1'));
  });

  it('refuses while LINSTOR has a replica on it: forgetting would destroy the last copy without protest', async () => {
    vmGone(8011, 'w1');
    world.linstor.replica('pvc-1', 'w1');
    await expectStop(forget('w1'), /no replica on LINSTOR node w1/, /pvc-1/);
    assert.deepEqual(world.linstor.writes, []);
    assert.ok(world.node('w1'));
  });

  it('waits until LINSTOR has noticed that the satellite is gone', async () => {
    vmGone(8011, 'w1');
    world.linstor.find('w1').connection_status = 'ONLINE';
    world.clock.after(12_000, () => void (world.linstor.find('w1').connection_status = 'OFFLINE'));
    await forget('w1');
    assert.match(world.told, /LINSTOR to notice that its satellite is gone/);
  });

  it('a Kubernetes node of that name on another machine is kept', async () => {
    vmGone(8011, 'w1');
    world.kubernetes.at('/api/v1/nodes/w1').status.nodeInfo.systemUUID = 'ffffffff-0000-4000-8000-000000000000';
    await expectStop(forget('w1'), /it runs on ffffffff/);
    assert.ok(world.node('w1'));
  });

  it('another node that is out comes first', async () => {
    await world.clock.run(leave('turn', world.inputs('w2'), run.ctx, run.deps));
    vmGone(8011, 'w1');
    await expectStop(forget('w1'), /node w2 is out of the cluster/);
  });
});
