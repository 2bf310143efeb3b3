import assert from 'node:assert/strict';
import {
  DEFAULT_SETTINGS,
  RUN_SETTINGS,
  settledByRun,
  type ClusterAccess,
  type RunSettings,
} from '../../operations/src/index';
import { forgetAnnouncements, noteGuard, refuseUnguarded } from '../../operations/src/planRefusal';
import { World } from './support/world';

const LINSTOR = { namespace: 'piraeus-datastore', selector: 'app=controller' };
const made = (linstor: ClusterAccess['linstor'], pool: string) => {
  const inputs = new World().inputs('w1');
  const access = { ...inputs.access };
  delete access.linstor;
  const settings = { ...DEFAULT_SETTINGS, linstorStoragePool: pool };
  return { ...inputs, settings, access: { ...access, ...(linstor && { linstor }) } };
};
const run = (told: RunSettings) => ({ [RUN_SETTINGS]: JSON.stringify(told) });

describe('operations/runSettings: what a run tells its steps', () => {
  it('a step of no run has what its resource was made with', () => {
    const inputs = made(LINSTOR, 'thick');
    assert.equal(settledByRun(inputs, {}), inputs);
    assert.equal(settledByRun(inputs, { [RUN_SETTINGS]: '' }), inputs);
  });

  it('the settings of the run count, also those that it has no more', () => {
    const settings = { ...DEFAULT_SETTINGS, linstorStoragePool: 'thick', evictUnmanagedPods: true, drainTimeout: 900 };
    const probing = made(LINSTOR, 'thick');
    const inputs = { ...probing, settings: { ...probing.settings, probeImage: 'registry.example/agnhost:1' } };
    const settled = settledByRun(inputs, run({ settings, linstor: { ...LINSTOR, namespace: 'elsewhere' } }));
    assert.deepEqual(settled.settings, settings);
    assert.equal(settled.access.linstor?.namespace, 'elsewhere');
    assert.equal(settled.access.kubeconfig, inputs.access.kubeconfig);
  });

  it('the guarded pool is the one that the node was joined with: its replicas are there', () => {
    const settings = { ...DEFAULT_SETTINGS, linstorStoragePool: 'other' };
    const settled = settledByRun(made(LINSTOR, 'thick'), run({ settings, linstor: LINSTOR }));
    assert.equal(settled.settings.linstorStoragePool, 'thick');
  });

  it('a node that was joined before there was LINSTOR leaves with its guard', () => {
    const settings = { ...DEFAULT_SETTINGS, linstorStoragePool: 'thin' };
    const settled = settledByRun(made(undefined, 'thick'), run({ settings, linstor: LINSTOR }));
    assert.deepEqual(settled.access.linstor, LINSTOR);
    assert.equal(settled.settings.linstorStoragePool, 'thin');
  });

  it('a section that was taken out of the stack file takes no guard away', () => {
    const settled = settledByRun(made(LINSTOR, 'thick'), run({ settings: DEFAULT_SETTINGS }));
    assert.deepEqual(settled.access.linstor, LINSTOR);
    assert.equal(settled.settings.linstorStoragePool, 'thick');
  });

  it('an update that tells nothing is refused where the node would leave unguarded', () => {
    const now = made(LINSTOR, 'thick');
    const off = { ...now, settings: { ...now.settings, linstorGuardEnabled: false } };
    const noted = (before: typeof now, after: typeof now) => {
      forgetAnnouncements();
      noteGuard('w1', before, after);
    };
    const refused = /^Error: w1: expected .*LINSTOR.* found .*without that guard.*npx prox-ops roll/;
    for (const before of [made(undefined, 'thick'), off]) {
      noted(before, now);
      assert.throws(() => {
        refuseUnguarded('w1', {});
      }, refused);
      refuseUnguarded('w2', {});
      refuseUnguarded('w1', { PROX_OPS_PLAN: '1' });
      refuseUnguarded('w1', run({ settings: now.settings, linstor: LINSTOR }));
    }
    for (const after of [off, now]) {
      noted(now, after);
      refuseUnguarded('w1', {});
    }
  });
});
