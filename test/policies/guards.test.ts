import { noDisabledGuard } from '../../policies/guards';
import { UNKNOWN } from '../support/policies';
import { testPolicy } from '../support/policy-cases';
import { cluster, withProps } from '../support/policy-cluster';

const off = (settings: object = { linstorGuardEnabled: false }) =>
  withProps(cluster(), 'k8s-work-1-LinstorEvacuation', { settings });
const passes1 = () => withProps(cluster(), 'k8s-work-1-RolloutTurn', { settings: { healthPasses: 1 } });
const exception = (until: string, subject = 'linstor') => ({
  exceptions: [{ subject, until, by: 'Ada', reason: 'storage is being rebuilt' }],
});
const today = new Date().toISOString().slice(0, 10);

describe('policies/guards', () => {
  testPolicy(noDisabledGuard, ({ passes, fails, unjudged }) => {
    passes('all guards on', cluster);
    fails(
      'evacuation off',
      off,
      /k8s-work-1: expected linstor\.guardEnabled, found it switched off \(no exception for linstor\)\. Set it back/,
    );
    passes('evacuation off, with an exception to the end of its last day', off, exception(today));
    fails(
      'after the exception’s last day',
      off,
      /the exception of Ada for linstor expired on 2026-01-31/,
      exception('2026-01-31'),
    );
    fails('an exception of another guard', off, /no exception for linstor/, exception('2999-01-01', 'health'));
    passes('one pass, where one is enough', passes1);
    fails('too few passes', passes1, /expected at least 2 passes of the health checks .* found 1/, {
      minimumHealthPasses: 2,
    });
    passes('too few passes, excused', passes1, { minimumHealthPasses: 2, ...exception(today, 'health') });
    unjudged(
      'the settings',
      () => withProps(cluster(), 'k8s-work-1-LinstorEvacuation', { settings: UNKNOWN.object }),
      /settings/,
    );
    unjudged('the switch', () => off({ linstorGuardEnabled: UNKNOWN.boolean }), /linstorGuardEnabled/);
  });
});
