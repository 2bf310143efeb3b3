import { controlPlanesOnDifferentHosts, oddControlPlanes } from '../../policies/controlPlanes';
import { UNKNOWN } from '../support/policies';
import { testPolicy } from '../support/policy-cases';
import { cluster, withProps } from '../support/policy-cluster';

const without = (node: string) => cluster().filter(({ name }) => name !== `${node}-vm`);
const tags = (role: string) => ({ tags: ['prox-ops', role] });

describe('policies/controlPlanes', () => {
  testPolicy(oddControlPlanes, ({ passes, fails, unjudged }) => {
    passes('three', cluster);
    passes('a stack without nodes', () => []);
    fails('two', () => without('k8s-ctrl-3'), /Expected an odd number of control planes, found 2\. Add or remove one/);
    fails('four', () => withProps(cluster(), 'k8s-work-1-vm', tags('controlplane')), /found 4/);
    fails('none at all', () => cluster().filter(({ name }) => !name.startsWith('k8s-ctrl')), /found 0/);
    unjudged(
      'the tags of one',
      () => withProps(without('k8s-ctrl-3'), 'k8s-ctrl-2-vm', { tags: UNKNOWN.list }),
      /tags/,
    );
  });

  testPolicy(controlPlanesOnDifferentHosts, ({ passes, fails, unjudged }) => {
    const moved = (host: string) => withProps(cluster(), 'k8s-ctrl-2-vm', { nodeName: host });
    passes('three hosts', cluster);
    passes('workers share hosts', () => withProps(cluster(), 'k8s-work-1-vm', { nodeName: 'baldar' }));
    fails(
      'two on one host',
      () => moved('baldar'),
      /k8s-ctrl-1, k8s-ctrl-2: expected at most 1 control plane\(s\) on a host, there being 4 hosts, found 2 on baldar/,
    );
    unjudged('the host of one', () => moved(UNKNOWN.text), /nodeName/);
  });
});
