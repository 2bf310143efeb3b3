import assert from 'node:assert/strict';
import {
  AWAITS_TURN,
  awaitTurn,
  resume,
  suspend,
  SUSPENDED_BY,
  tell,
  turnsTaken,
} from '../../operations/src/bystanders';
import { World } from './support/world';

const path = (name: string) => `/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations/${name}`;
const named = (...names: string[]) => names.map((name) => ({ namespace: 'flux-system', name }));

describe('operations/bystanders', () => {
  let world: World;

  beforeEach(() => {
    world = new World();
    for (const name of ['apps', 'db', 'by-hand'])
      world.kubernetes.put(path(name), {
        metadata: { namespace: 'flux-system', annotations: { other: 'stays' } },
        spec: { prune: true, ...(name === 'by-hand' && { suspend: true }) },
      });
  });

  const at = (name: string) => world.kubernetes.at(path(name));

  describe('Kustomizations around a rollout', () => {
    it('are suspended and resumed, and are then as they were', async () => {
      const before = structuredClone([at('apps').spec, at('apps').metadata.annotations]);
      const suspended = await suspend(world.kubernetes, named('apps'), 'run-1');
      assert.deepEqual(suspended, { ours: ['flux-system/apps'], others: [] });
      assert.deepEqual([at('apps').spec.suspend, at('apps').metadata.annotations[SUSPENDED_BY]], [true, 'run-1']);
      assert.deepEqual(await resume(world.kubernetes), ['flux-system/apps']);
      assert.deepEqual([at('apps').spec, at('apps').metadata.annotations], before);
    });

    it('who suspended one is written in the same request: no crash can come between', async () => {
      world.kubernetes.onWrite = () => {
        world.kubernetes.onWrite = () => assert.fail('a second write');
      };
      await suspend(world.kubernetes, named('db'), 'run-1');
    });

    it('one that somebody else suspended stays so, also afterwards', async () => {
      const suspended = await suspend(world.kubernetes, named('by-hand', 'db'), 'run-1');
      assert.deepEqual(suspended, { ours: ['flux-system/db'], others: ['flux-system/by-hand'] });
      await resume(world.kubernetes);
      assert.equal(at('by-hand').spec.suspend, true);
    });

    it('what a run left that crashed is the next one’s: taken over, and resumed with its own', async () => {
      await suspend(world.kubernetes, named('apps'), 'crashed');
      const { ours } = await suspend(world.kubernetes, named('apps', 'db'), 'next');
      assert.deepEqual(ours, ['flux-system/apps', 'flux-system/db']);
      await resume(world.kubernetes);
      assert.deepEqual([at('apps').spec.suspend, at('db').spec.suspend], [undefined, undefined]);
    });

    it('a name that there is not: told, and none is touched', async () => {
      await assert.rejects(
        suspend(world.kubernetes, named('apps', 'app', 'dbs'), 'run-1'),
        /found none of the name: flux-system\/app, flux-system\/dbs$/,
      );
      assert.deepEqual(world.kubernetes.writes, []);
    });

    it('a cluster without Flux has none to resume', async () => {
      for (const name of ['apps', 'db', 'by-hand']) world.kubernetes.remove(path(name));
      assert.deepEqual(await resume(world.kubernetes), []);
    });
  });

  describe('the condition', () => {
    const telling = { inProgress: true, reason: 'Rolling', message: 'w1, 1 of 2', since: Date.UTC(2026, 0, 1) };

    it('is one of the driver’s namespace, with the time since when it is so', async () => {
      world.kubernetes.put('/api/v1/namespaces/prox-ops/status', {});
      assert.equal(await tell(world.kubernetes, telling), true);
      assert.deepEqual(world.kubernetes.at('/api/v1/namespaces/prox-ops/status').status.conditions, [
        {
          type: 'RolloutInProgress',
          status: 'True',
          reason: 'Rolling',
          message: 'w1, 1 of 2',
          lastTransitionTime: '2026-01-01T00:00:00Z',
        },
      ]);
    });

    it('without the namespace there is nowhere to tell it', async () => {
      assert.equal(await tell(world.kubernetes, telling), false);
    });
  });

  describe('the node that a driver runs on', () => {
    const labels = (name: string) => world.kubernetes.at(`/api/v1/nodes/${name}`).metadata.labels ?? {};

    it('is kept free of drivers until its turn was taken', async () => {
      assert.equal(await awaitTurn(world.kubernetes, 'w1', 'run-1'), true);
      assert.equal(labels('w1')[AWAITS_TURN], 'run-1');
      assert.deepEqual(await turnsTaken(world.kubernetes), ['w1']);
      assert.equal(AWAITS_TURN in labels('w1'), false);
    });

    it('a driver that was put there all the same is told so, and would not go round in circles', async () => {
      await awaitTurn(world.kubernetes, 'w1', 'run-1');
      assert.equal(await awaitTurn(world.kubernetes, 'w1', 'run-2'), false);
      assert.equal(labels('w1')[AWAITS_TURN], 'run-1');
    });
  });
});
