import assert from 'node:assert/strict';
import { followFlux, type FluxObject } from '../../../operations/src/index';
import { World } from '../support/world';

const NAMESPACED = 'namespaces/flux-system';
const GIT = `/apis/source.toolkit.fluxcd.io/v1/${NAMESPACED}/gitrepositories/cluster`;
const HELM_REPOSITORY = `/apis/source.toolkit.fluxcd.io/v1/${NAMESPACED}/helmrepositories`;
const APPS = `/apis/kustomize.toolkit.fluxcd.io/v1/${NAMESPACED}/kustomizations/apps`;

describe('Flux as it brings workloads back', () => {
  let world: World;
  let told: FluxObject[][];
  let over: AbortController;

  beforeEach(() => {
    world = new World();
    told = [];
    over = new AbortController();
  });

  const put = (path: string, status: string, message: string, spec: object = {}) =>
    world.kubernetes.put(path, {
      metadata: { namespace: 'flux-system' },
      spec,
      status: { conditions: [{ type: 'Ready', status, message }] },
    });

  async function following(act: () => Promise<void>): Promise<void> {
    const followed = followFlux(world.kubernetes, { clock: world.clock, signal: over.signal }, (objects) =>
      told.push(objects),
    );
    await world.clock.pass(100);
    await act();
    over.abort();
    await followed;
  }

  const states = (objects: FluxObject[] = []) => objects.map(({ kind, ready, message }) => [kind, ready, message]);

  it('tells sources and workloads at first and on each change, and nothing twice', async () => {
    put(GIT, 'True', 'stored artifact');
    put(APPS, 'False', "dependency 'flux-system/infrastructure' is not ready");
    await following(async () => {
      await world.clock.pass(40_000);
      assert.equal(told.length, 1);
      assert.deepEqual(states(told[0]), [
        ['GitRepository', true, 'stored artifact'],
        ['Kustomization', false, "dependency 'flux-system/infrastructure' is not ready"],
      ]);
      put(APPS, 'True', 'Applied revision');
      await world.clock.pass(1_000);
    });
    assert.equal(told.length, 2);
    assert.deepEqual(states(told[1])[1], ['Kustomization', true, 'Applied revision']);
    assert.equal(world.kubernetes.watching, 0);
  });

  it('finds a kind that comes later, and sits out an API that is away', async () => {
    await following(async () => {
      assert.deepEqual(told, [[]]);
      world.kubernetes.down = true;
      await world.clock.pass(40_000);
      world.kubernetes.down = false;
      put(APPS, 'True', 'Applied revision');
      await world.clock.pass(20_000);
    });
    assert.deepEqual(states(told.at(-1)), [['Kustomization', true, 'Applied revision']]);
  });

  it('waits for no source that is no more than an address', async () => {
    world.kubernetes.put(`${HELM_REPOSITORY}/charts`, {
      metadata: { namespace: 'flux-system' },
      spec: { type: 'oci' },
    });
    await following(() => Promise.resolve());
    assert.deepEqual(
      told[0]?.map(({ ready }) => ready),
      [true],
    );
  });
});
