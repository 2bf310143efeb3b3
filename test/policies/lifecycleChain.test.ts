import { nodeDeleteBeforeReplace, nodeLifecycleComplete, nodeLifecycleOrder } from '../../policies/lifecycleChain';
import { UNKNOWN } from '../support/policies';
import { testPolicy } from '../support/policy-cases';
import { changed, CLUSTER, cluster, withProps } from '../support/policy-cluster';

const without = (name: string) => cluster().filter((resource) => resource.name !== name);

describe('policies/lifecycleChain', () => {
  testPolicy(nodeLifecycleComplete, ({ passes, fails, unjudged }) => {
    passes('whole chains', cluster);
    passes('a worker has no etcd membership', () => without('k8s-work-1-EtcdMembership'));
    for (const link of ['RolloutTurn', 'NodeDrain', 'LinstorEvacuation', 'EtcdMembership', 'HealthGate'])
      fails(
        `a control plane without its ${link}`,
        () => without(`k8s-ctrl-1-${link}`),
        new RegExp(`k8s-ctrl-1: expected the whole lifecycle chain, found no ${link}\\.`),
      );
    fails('no identity', () => without('k8s-work-1-identity'), /found no NodeIdentity/);
    fails('no configuration', () => without('k8s-work-1-config'), /found no ConfigurationApply/);
    fails('no VM', () => without('k8s-work-1-vm'), /k8s-work-1: .* found no VmLegacy/);
    fails('a VM that no node owns', () => changed(cluster(), 'k8s-work-1-vm', { parent: CLUSTER }), [
      /k8s-work-1-vm: expected the VM below a TalosNode, found it outside/,
      /k8s-work-1: .* found no VmLegacy/,
    ]);
    unjudged(
      'the role of a node, while another one has a gap',
      () => withProps(without('k8s-work-2-NodeDrain'), 'k8s-work-1-vm', { tags: UNKNOWN.list }),
      /tags/,
      [/k8s-work-2: .* found no NodeDrain/],
    );
  });

  testPolicy(
    nodeLifecycleOrder,
    ({ passes, fails }) => {
      passes('chains in order', cluster);
      for (const [outer, inner] of [
        ['vm', 'NodeIdentity'],
        ['config', 'VmLegacy'],
        ['HealthGate', 'ConfigurationApply'],
        ['EtcdMembership', 'HealthGate'],
        ['LinstorEvacuation', 'EtcdMembership'],
        ['NodeDrain', 'LinstorEvacuation'],
        ['RolloutTurn', 'NodeDrain'],
      ] as const)
        fails(
          `${outer} does not come after ${inner}`,
          () => changed(cluster(), `k8s-ctrl-1-${outer}`, { dependencies: [] }),
          new RegExp(`k8s-ctrl-1: expected \\S+ to depend on ${inner}, found that it does not`),
        );
      for (const [fed, property] of [
        ['config', 'node'],
        ['HealthGate', 'vm'],
        ['RolloutTurn', 'vm'],
      ] as const)
        fails(
          `${fed} is not fed by the VM`,
          () => changed(cluster(), `k8s-work-1-${fed}`, { propertyDependencies: {} }),
          new RegExp(`k8s-work-1: expected the VM to feed \\S+\\.${property}, so that both are replaced together`),
        );
      passes('though every value is unknown', () =>
        withProps(cluster(), 'k8s-work-1-HealthGate', { vm: UNKNOWN.text }),
      );
    },
    'options',
  );

  testPolicy(
    nodeDeleteBeforeReplace,
    ({ passes, fails }) => {
      passes('the whole chain', cluster);
      for (const link of ['vm', 'config', 'HealthGate', 'LinstorEvacuation', 'NodeDrain', 'RolloutTurn'])
        fails(
          `${link} is created first`,
          () => changed(cluster(), `k8s-work-1-${link}`, { deleteBeforeReplace: false }),
          /k8s-work-1: expected deleteBeforeReplace: true on \S+, found it off/,
        );
      fails(
        'not said',
        () => changed(cluster(), 'k8s-ctrl-1-EtcdMembership', { deleteBeforeReplace: undefined }),
        /EtcdMembership/,
      );
      passes('though every value is unknown', () => withProps(cluster(), 'k8s-work-1-vm', { vmId: UNKNOWN.number }));
    },
    'options',
  );
});
