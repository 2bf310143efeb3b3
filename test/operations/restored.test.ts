import assert from 'node:assert/strict';
import { missingOfSnapshot, settleRestored, fromLease } from '../../operations/src/index';
import type { Lease } from '../../operations/src/clients/kubernetesObjects';
import { LEASE, World } from './support/world';

const KUSTOMIZATION = '/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations/apps';

describe('what an etcd snapshot brings back beside what was wanted', () => {
  let world: World;

  beforeEach(() => void (world = new World()));

  const settle = () =>
    settleRestored(world.kubernetes, { nodes: ['c1', 'c2', 'c3', 'w1', 'w2', 'w3'], leaseNamespace: 'kube-system' });

  function cordon(name: string, annotations: Record<string, string>): void {
    const path = `/api/v1/nodes/${name}`;
    const node = world.kubernetes.at(path) as { metadata: object; spec?: object };
    world.kubernetes.put(path, { ...node, metadata: { ...node.metadata, annotations }, spec: { unschedulable: true } });
  }

  it('nothing of a rollout: nothing is written', async () => {
    assert.deepEqual(await settle(), { settled: [], open: [] });
    assert.deepEqual(world.kubernetes.writes, []);
  });

  it('a rollout in its middle is over: lease, cordon, Flux, the node that awaited its turn', async () => {
    world.kubernetes.put(LEASE, {
      metadata: {
        labels: { theirs: 'kept' },
        annotations: {
          'prox-ops.io/run': 'r1',
          'prox-ops.io/node': 'c2',
          'prox-ops.io/step': 'etcd',
          'prox-ops.io/evacuation': 'asked',
        },
      },
      spec: { holderIdentity: 'a@b:1', leaseTransitions: 4 },
    });
    cordon('c2', { 'prox-ops.io/cordoned-by': 'r1' });
    const annotations = { 'prox-ops.io/suspended-by': 'r1' };
    world.kubernetes.put(KUSTOMIZATION, {
      metadata: { namespace: 'flux-system', annotations },
      spec: { suspend: true },
    });
    const { settled, open } = await settle();
    assert.deepEqual(settled, [
      'the rollout lease for c2, held by a@b:1 (run r1): given back; LINSTOR may still evacuate c2',
      'c2: uncordoned, a rollout had cordoned it',
      'Kustomization flux-system/apps: resumed, a rollout had suspended it',
    ]);
    assert.deepEqual(open, []);
    const lease = world.kubernetes.at(LEASE) as Lease;
    const { holder, open: still, transitions } = fromLease(lease);
    assert.deepEqual([holder, still, transitions, lease.metadata.labels], ['', undefined, 4, { theirs: 'kept' }]);
    assert.equal(world.node('c2').spec?.unschedulable, undefined);
    assert.equal((world.kubernetes.at(KUSTOMIZATION) as { spec: { suspend?: boolean } }).spec.suspend, undefined);
    assert.deepEqual(await settle(), { settled: [], open: [] });
  });

  it('what is somebody else’s stays, and is told', async () => {
    cordon('w1', {});
    world.kubernetes.put('/api/v1/nodes/w9', {});
    const { settled, open } = await settle();
    assert.deepEqual(settled, []);
    assert.match(open.join('\n'), /w1 was cordoned by somebody else: it stays so/);
    assert.match(open.join('\n'), /node w9 is in the snapshot and not in the stack file.*kubectl delete node w9/);
    assert.deepEqual(world.kubernetes.writes, []);
  });

  it('an etcd that is not the snapshot’s is found out', async () => {
    const namespace = (name: string, uid: string) =>
      world.kubernetes.put(`/api/v1/namespaces/${name}`, { metadata: { uid } });
    namespace('kube-system', 'u1');
    namespace('apps', 'u2');
    const missing = (uid: string, ...namespaces: string[]) => missingOfSnapshot(world.kubernetes, { uid, namespaces });
    assert.deepEqual(await missing('u1', 'kube-system', 'apps'), []);
    assert.deepEqual(await missing('u0', 'kube-system', 'data'), [
      'kube-system with the UID u0 (found u1)',
      'namespace data',
    ]);
  });
});
