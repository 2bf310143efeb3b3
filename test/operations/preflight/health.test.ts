import assert from 'node:assert/strict';
import { DEFAULT_SETTINGS } from '../../../operations/src/index';
import { lookBefore } from '../../../operations/src/actions/before';
import { healthFindings } from '../../../operations/src/preflight/health';
import { World } from '../support/world';

describe('operations/preflight: what is broken already', () => {
  it('is told where a turn puts up with it, a blocker where it does not, and only looked at', async () => {
    const world = new World();
    world.pod('web', 'w1', {
      status: { containerStatuses: [{ name: 'x', state: { waiting: { reason: 'CrashLoopBackOff' } } }] },
    });
    world.kubernetes.put('/apis/ceph.rook.io/v1/namespaces/rook/cephclusters/rook', {
      metadata: { namespace: 'rook' },
      status: { ceph: { health: 'HEALTH_ERR' } },
    });
    const session = await world.run('plan').deps.connect!({} as never, world.clock);
    const { access } = world.inputs('w1');
    const health = await world.clock.run(
      lookBefore({ session, settings: DEFAULT_SETTINGS, access, clock: world.clock }),
    );
    assert.deepEqual(
      healthFindings(health).map(({ severity, topic, object, found }) => [severity, topic, object, found]),
      [
        ['blocker', 'health', 'ceph', 'Ceph rook/rook: HEALTH_ERR'],
        ['warning', 'health', 'pods', 'default/web: CrashLoopBackOff'],
      ],
    );
    assert.deepEqual(world.kubernetes.writes, []);
  });
});
