import assert from 'node:assert/strict';
import { withSettings } from '../../config/overrides';
import { settingsFrom } from '../../driver/settings';
import { production } from '../support/stack-files';

const applied = (...given: string[]) => withSettings(production(), JSON.stringify(settingsFrom(given)));

describe('driver/settings: settings of one run (--set)', () => {
  it('are the stack file’s, with durations that may have a unit', () => {
    const { linstor, rollout } = applied(
      'linstor.evacuationTimeout=45m',
      'linstor.settleTimeout=90',
      'linstor.guardEnabled=false',
      'linstor.controllerSelector=app.kubernetes.io/component=linstor-controller',
      'rollout.rebootMode=force',
      'rollout.nodeReadyTimeout=1h',
    );
    assert.deepEqual([linstor?.evacuationTimeout, linstor?.settleTimeout, linstor?.guardEnabled], [2700, 90, false]);
    assert.equal(linstor?.controllerSelector, 'app.kubernetes.io/component=linstor-controller');
    assert.deepEqual([rollout.rebootMode, rollout.nodeReadyTimeout], ['force', 3600]);
  });

  it('what is not set stays as it is', () => {
    const before = production();
    const { rollout, ...after } = applied('rollout.maxRemediations=0');
    assert.deepEqual({ ...after, rollout: { ...rollout, maxRemediations: 2 } }, before);
    assert.equal(withSettings(before, undefined), before);
  });

  it('no setting, a wrong value, what contradicts another: refused as in the stack file', () => {
    for (const [given, expected] of [
      ['rollout.maxRemediation=1', /rollout.*maxRemediation/],
      ['rollout.rebootMode=soft', /rebootMode.*expected one of default, powercycle, force/],
      ['linstor.placeCount=12', /placeCount: expected at least 13 nodes with a data disk/],
    ] as const)
      assert.throws(() => applied(given), expected);
  });

  it('only how nodes are replaced, and nothing of what they are', () => {
    for (const given of ['roles.worker=1', 'rollout', 'rollout.=1', '=', 'rollout.maxRemediations='])
      assert.throws(
        () => settingsFrom([given]),
        /--set: expected SECTION.KEY=VALUE with a section of rollout, linstor/,
      );
  });

  it('a section that the stack does not have is not made', () => {
    const config = production();
    delete config.linstor;
    assert.throws(
      () => withSettings(config, '{"linstor":{"settleTimeout":1}}'),
      /linstor: expected this section, because it is set, found none/,
    );
  });
});
