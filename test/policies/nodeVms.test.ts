import { nodeVmsNotProtected } from '../../policies/nodeVms';
import { UNKNOWN } from '../support/policies';
import { testPolicy } from '../support/policy-cases';
import { cluster, withProps } from '../support/policy-cluster';

describe('policies/nodeVms', () => {
  testPolicy(nodeVmsNotProtected, ({ passes, fails, unjudged }) => {
    passes('no protection', cluster);
    passes('protection off', () => withProps(cluster(), 'k8s-work-1-vm', { protection: false }));
    fails(
      'protected',
      () => withProps(cluster(), 'k8s-work-1-vm', { protection: true }),
      /k8s-work-1: expected protection off, found it on/,
    );
    unjudged('protection', () => withProps(cluster(), 'k8s-work-1-vm', { protection: UNKNOWN.boolean }), /protection/);
  });
});
