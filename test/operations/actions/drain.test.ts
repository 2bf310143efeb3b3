import assert from 'node:assert/strict';
import { join, KubernetesError, leave } from '../../../operations/src/index';
import { expectStop } from '../support/expectStop';
import { World, type Run } from '../support/world';

const PDB = '/apis/policy/v1/namespaces/default/poddisruptionbudgets/web';

describe('drain (R004-FR5)', () => {
  let world: World;
  let run: Run;

  beforeEach(() => {
    world = new World();
    run = world.run('run-1');
  });

  const drain = (node = 'w1'): Promise<void> => world.clock.run(leave('drain', world.inputs(node), run.ctx, run.deps));
  const rejoin = (node = 'w1'): Promise<unknown> =>
    world.clock.run(join('drain', world.inputs(node), run.ctx, run.deps));
  const cordoned = (node = 'w1'): boolean => world.node(node).spec?.unschedulable === true;
  const pods = (): string[] => [...world.kubernetes.objects.keys()].filter((path) => path.includes('/pods/'));
  const evictions = (): string[] => world.kubernetes.writes.filter((line) => line.endsWith('/eviction'));
  const budgetRefuses = (): never => {
    throw new KubernetesError(429, 'TooManyRequests', 'Cannot evict pod as it would violate the budget web', 'POST');
  };

  it('cordons with our mark, evicts, and waits until the pods are gone', async () => {
    world.pod('a', 'w1');
    world.pod('b', 'w1');
    world.pod('other', 'w2');
    await drain();
    assert.equal(cordoned(), true);
    assert.equal(world.node('w1').metadata.annotations?.['prox-ops.io/cordoned-by'], 'run-1');
    assert.deepEqual(pods(), ['/api/v1/namespaces/default/pods/other']);
    assert.match(world.told, /\[w1\] drain: 2 pods to evict, 0 stay/);
    assert.equal(world.kubernetes.watching, 0, 'every watch is closed');
  });

  it('deletes no pod around the eviction API (I4)', async () => {
    world.pod('a', 'w1');
    await drain();
    assert.deepEqual(evictions(), ['POST /api/v1/namespaces/default/pods/a/eviction']);
    assert.equal(
      world.kubernetes.writes.some((line) => line.startsWith('DELETE')),
      false,
    );
  });

  it('waits for a PodDisruptionBudget and goes on as soon as it changes', async () => {
    world.pod('a', 'w1');
    world.kubernetes.onEvict = budgetRefuses;
    const start = world.clock.now();
    world.clock.after(2_000, () => {
      world.kubernetes.onEvict = () => undefined;
      world.kubernetes.put(PDB, { metadata: { namespace: 'default' } });
    });
    await drain();
    assert.match(world.told, /default\/a \(Cannot evict pod as it would violate the budget web\)/);
    assert.ok(world.clock.now() - start < 5_000, 'not only at the slow fallback');
  });

  it('tries a refused eviction again without any change seen', async () => {
    world.pod('a', 'w1');
    let refusals = 3;
    world.kubernetes.onEvict = () => void (refusals-- > 0 && budgetRefuses());
    await drain();
    assert.deepEqual(pods(), []);
  });

  it('a budget that never allows it: all attempts used, then uncordoned, naming pod and budget', async () => {
    world.pod('a', 'w1');
    world.kubernetes.onEvict = budgetRefuses;
    const start = world.clock.now();
    await expectStop(
      drain(),
      /within 3 attempts of 300 s/,
      /default\/a \(Cannot evict/,
      /Left: node uncordoned/,
      /prox-ops roll/,
    );
    assert.equal(cordoned(), false);
    assert.equal(world.node('w1').metadata.annotations?.['prox-ops.io/cordoned-by'], undefined);
    assert.ok(world.clock.now() - start >= 900_000);
    assert.match(world.told, /attempt 2 of 3 ended/);
  });

  describe('a node whose kubelet is silent', () => {
    const OUT = 'node.kubernetes.io/out-of-service';
    const taints = (): string[] => {
      const { spec } = world.kubernetes.at('/api/v1/nodes/w1') as { spec?: { taints?: { key: string }[] } };
      return (spec?.taints ?? []).map(({ key }) => key);
    };

    beforeEach(() => {
      world.set({ drainAttempts: 1, drainTimeout: 60 });
      world.pod('a', 'w1');
      world.kubernetes.grace = Infinity;
      const node = world.kubernetes.at('/api/v1/nodes/w1');
      node.spec = { taints: [{ key: 'node.kubernetes.io/unreachable', effect: 'NoExecute' }] };
      node.status.conditions = [{ type: 'Ready', status: 'Unknown' }];
    });

    /** What Kubernetes' pod garbage collector does about the taint. */
    const collected = (): void => {
      world.kubernetes.onWrite = (line) => {
        if (line !== 'PATCH /api/v1/nodes/w1') return;
        world.clock.after(20_000, () => {
          if (taints().includes(OUT)) world.kubernetes.remove('/api/v1/namespaces/default/pods/a');
        });
      };
    };

    it('and whose VM is off is declared out of service, said so, and ends', async () => {
      world.proxmox.off.add(world.inputs('w1').node.vmId);
      collected();
      await drain();
      assert.deepEqual(taints(), ['node.kubernetes.io/unreachable', OUT]);
      assert.match(world.told, /its kubelet is silent and its VM is off: declared out of service/);
      assert.ok(!world.kubernetes.writes.some((line) => line.startsWith('DELETE')), 'nothing is deleted by us');
      await rejoin();
      assert.deepEqual(taints(), ['node.kubernetes.io/unreachable']);
      assert.match(world.told, /in service again/);
      assert.equal(cordoned(), false);
    });

    it('and whose VM runs is never forced: the drain stops, and says to stop the VM', async () => {
      await expectStop(drain(), /default\/a \(ending\)/, /Left: node uncordoned/, /stop its VM in Proxmox/);
      assert.match(world.told, /silent while its VM runs: nothing is forced/);
      assert.deepEqual(taints(), ['node.kubernetes.io/unreachable']);
    });

    it("and whose id is another machine's by now: nothing is declared", async () => {
      const { vmId } = world.inputs('w1').node;
      const vm = world.proxmox.vms.get(vmId);
      assert.ok(vm);
      world.proxmox.vms.set(vmId, { ...vm, uuid: 'another' });
      world.proxmox.off.add(vmId);
      await expectStop(drain(), /with UUID another/);
      assert.deepEqual(taints(), ['node.kubernetes.io/unreachable']);
    });

    it('out of service by somebody else stays so', async () => {
      const node = world.kubernetes.at('/api/v1/nodes/w1');
      node.spec.taints = [{ key: OUT, value: 'nodeshutdown', effect: 'NoExecute' }];
      world.proxmox.off.add(world.inputs('w1').node.vmId);
      world.clock.after(20_000, () => world.kubernetes.remove('/api/v1/namespaces/default/pods/a'));
      await drain();
      await rejoin();
      assert.deepEqual(taints(), [OUT]);
    });
  });

  it('a pod that never terminates is evicted once an attempt and then stops the drain', async () => {
    world.set({ drainAttempts: 1, drainTimeout: 60 });
    world.pod('a', 'w1');
    world.kubernetes.grace = Infinity;
    await expectStop(drain(), /default\/a \(ending\)/, /node uncordoned/);
    assert.equal(evictions().length, 1);
  });

  it('leaves DaemonSet and static pods where they are', async () => {
    world.pod('ds', 'w1', { metadata: { ownerReferences: [{ kind: 'DaemonSet', name: 'cni', controller: true }] } });
    world.pod('static', 'w1', {
      metadata: { ownerReferences: undefined, annotations: { 'kubernetes.io/config.mirror': 'x' } },
    });
    await drain();
    assert.equal(pods().length, 2);
  });

  it('pods that nothing would make again stop it before the first eviction', async () => {
    world.pod('a', 'w1');
    world.pod('bare', 'w1', { metadata: { ownerReferences: undefined } });
    await expectStop(
      drain(),
      /default\/bare: no controller would make it again; the setting evictUnmanagedPods/,
      /node uncordoned/,
    );
    assert.deepEqual(evictions(), []);
    world.set({ evictUnmanagedPods: true });
    await drain();
    assert.deepEqual(pods(), []);
  });

  it('emptyDir data is lost only when the setting says so', async () => {
    world.pod('a', 'w1', { spec: { nodeName: 'w1', volumes: [{ name: 'tmp', emptyDir: {} }] } });
    world.set({ deleteEmptyDirData: false });
    await expectStop(
      drain(),
      /default\/a: the data of its emptyDir volume would be lost; the setting deleteEmptyDirData/,
    );
    world.set({ deleteEmptyDirData: true });
    await drain();
    assert.deepEqual(pods(), []);
  });

  it('a pod that went by itself, or was replaced by a namesake, is no error', async () => {
    world.pod('a', 'w1');
    world.pod('b', 'w1');
    world.kubernetes.onEvict = (pod: { metadata: { name: string } }) => {
      world.kubernetes.onEvict = () => undefined;
      const path = `/api/v1/namespaces/default/pods/${pod.metadata.name}`;
      world.clock.after(500, () => world.kubernetes.remove(path));
      throw new KubernetesError(pod.metadata.name === 'a' ? 404 : 409, 'NotFound', 'not found', 'POST');
    };
    await drain();
    assert.deepEqual(pods(), []);
  });

  it('an eviction refused for good (two budgets for one pod) stops it at once', async () => {
    world.pod('a', 'w1');
    world.kubernetes.onEvict = () => {
      throw new KubernetesError(500, '', 'This pod has more than one PodDisruptionBudget', 'POST');
    };
    await expectStop(drain(), /default\/a to be evicted/, /more than one PodDisruptionBudget/, /node uncordoned/);
  });

  it('waits until volumes are detached, but not for those of pods that stay', async () => {
    const attach = (name: string, node: string): void =>
      world.kubernetes.put(`/apis/storage.k8s.io/v1/volumeattachments/${name}`, {
        spec: { nodeName: node, source: { persistentVolumeName: `pv-${name}` } },
      });
    attach('moving', 'w1');
    attach('staying', 'w1');
    attach('elsewhere', 'w2');
    world.kubernetes.put('/api/v1/namespaces/default/persistentvolumeclaims/logs', {
      spec: { volumeName: 'pv-staying' },
    });
    world.pod('ds', 'w1', {
      metadata: { ownerReferences: [{ kind: 'DaemonSet', name: 'logs', controller: true }] },
      spec: { nodeName: 'w1', volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'logs' } }] },
    });
    world.clock.after(7_000, () => world.kubernetes.remove('/apis/storage.k8s.io/v1/volumeattachments/moving'));
    await drain();
    assert.match(world.told, /volumes to be detached: pv-moving/);
    assert.doesNotMatch(world.told, /pv-staying|pv-elsewhere/);
  });

  it('a volume that is never detached stops it', async () => {
    world.kubernetes.put('/apis/storage.k8s.io/v1/volumeattachments/stuck', { spec: { nodeName: 'w1' } });
    await expectStop(drain(), /all volumes detached within 300 s/, /stuck/, /node uncordoned/);
  });

  it('a node that never joined has nothing to drain', async () => {
    world.kubernetes.remove('/api/v1/nodes/w1');
    await drain();
    assert.match(world.told, /no such Kubernetes node/);
  });

  it('a node that somebody else cordoned is drained and stays cordoned, failure or not', async () => {
    const node = world.kubernetes.at('/api/v1/nodes/w1');
    world.kubernetes.put('/api/v1/nodes/w1', { ...node, spec: { unschedulable: true } });
    world.pod('bare', 'w1', { metadata: { ownerReferences: undefined } });
    await expectStop(drain(), /cordoned by somebody else, left so/);
    assert.equal(cordoned(), true);
    world.kubernetes.remove('/api/v1/namespaces/default/pods/bare');
    await drain();
    assert.deepEqual(await rejoin(), { node: 'not cordoned by prox-ops' });
    assert.equal(cordoned(), true);
  });

  it('is safe to repeat after it was done, and after it was interrupted', async () => {
    world.pod('a', 'w1');
    await drain();
    await drain();
    world.proofs.set('run-1', true);
    run = world.run('run-2');
    await drain();
    assert.equal(world.node('w1').metadata.annotations?.['prox-ops.io/cordoned-by'], 'run-2');
  });

  describe('join', () => {
    it('takes back our cordon', async () => {
      await drain();
      assert.deepEqual(await rejoin(), { node: 'node uncordoned' });
      assert.equal(cordoned(), false);
    });

    it('a node that never left is not written to', async () => {
      assert.deepEqual(await rejoin(), { node: 'not cordoned by prox-ops' });
      assert.deepEqual(world.kubernetes.writes, []);
    });

    it('our own mark is enough when somebody deleted the lease meanwhile', async () => {
      await drain();
      world.kubernetes.remove('/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/prox-ops-rollout');
      await rejoin();
      assert.equal(cordoned(), false);
    });

    it('an abort by a later run uncordons what the interrupted one cordoned', async () => {
      await drain();
      world.proofs.set('run-1', true);
      run = world.run('run-2');
      await rejoin();
      assert.equal(cordoned(), false);
    });
  });
});
