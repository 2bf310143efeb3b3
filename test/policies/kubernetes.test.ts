import { rbacWithoutWildcards, workloadsNonRoot, workloadsWithLimits } from '../../policies/kubernetes';
import { UNKNOWN } from '../support/policies';
import { testPolicy } from '../support/policy-cases';
import { cluster, described } from '../support/policy-cluster';

const role = (...rules: object[]) => [
  described('kubernetes:rbac.authorization.k8s.io/v1:ClusterRole', 'driver', { rules }),
];
const RULE = { apiGroups: [''], resources: ['nodes'], verbs: ['get', 'list'] };

const SAFE = {
  name: 'main',
  securityContext: { runAsNonRoot: true, allowPrivilegeEscalation: false },
  resources: { limits: { cpu: '1', memory: '64Mi' } },
};
const pod = (container: object, spec: object = {}) => [
  described('kubernetes:core/v1:Pod', 'app', { spec: { containers: [{ ...SAFE, ...container }], ...spec } }),
];
const runnerSet = (container: object) => [
  described('kubernetes:actions.github.com/v1alpha1:AutoscalingRunnerSet', 'app', {
    spec: { template: { spec: { containers: [{ ...SAFE, ...container }] } } },
  }),
];
const workflow = (container: object) => [
  described('kubernetes:argoproj.io/v1alpha1:WorkflowTemplate', 'app', {
    spec: {
      templates: [
        { name: 'all', steps: [] },
        { name: 'one', container: { ...SAFE, ...container } },
      ],
    },
  }),
];
const context = (securityContext: object) => ({ securityContext });
const exceptions = {
  exceptions: [{ subject: 'app', until: '2999-01-01', by: 'Ada', reason: 'a satellite needs the disks' }],
};

describe('policies/kubernetes', () => {
  testPolicy(rbacWithoutWildcards, ({ passes, fails, unjudged }) => {
    passes('names', () => role(RULE));
    passes('no RBAC', cluster);
    for (const field of ['apiGroups', 'resources', 'verbs', 'nonResourceURLs'])
      fails(
        field,
        () => role(RULE, { ...RULE, [field]: ['get', '*'] }),
        new RegExp(`driver: rules\\[1\\]\\.${field}: expected names, found \\*\\. Name what it needs`),
      );
    fails(
      'cluster-admin',
      () => [
        described('kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding', 'b', {
          roleRef: { name: 'cluster-admin' },
        }),
      ],
      /b: expected a role of its own, found cluster-admin/,
    );
    unjudged(
      'the verbs of one rule',
      () => role({ ...RULE, verbs: UNKNOWN.list }, { ...RULE, verbs: ['*'] }),
      /verbs/,
      [/rules\[1\]\.verbs/],
    );
  });

  testPolicy(workloadsNonRoot, ({ passes, fails, unjudged }) => {
    passes('non-root', () => pod({}));
    passes('a runner set', () => runnerSet({}));
    passes('a workflow', () => workflow({}));
    for (const made of [runnerSet, workflow])
      fails(
        `root in ${made.name}`,
        () => made(context({ runAsUser: 0 })),
        /app: container main: expected a user other than root, found runAsUser: 0/,
      );
    passes('said once for the pod', () =>
      pod(context({ allowPrivilegeEscalation: false }), { securityContext: { runAsNonRoot: true } }),
    );
    fails(
      'not said',
      () => pod(context({ allowPrivilegeEscalation: false })),
      /app: container main: expected runAsNonRoot: true, found it off/,
    );
    fails('said no', () => pod(context({ runAsNonRoot: false })), /runAsNonRoot/);
    fails('user 0', () => pod(context({ runAsNonRoot: true, runAsUser: 0 })), /found runAsUser: 0/);
    fails('privileged', () => pod(context({ ...SAFE.securityContext, privileged: true })), /found privileged: true/);
    fails('may gain rights', () => pod(context({ runAsNonRoot: true })), /expected allowPrivilegeEscalation: false/);
    fails(
      'an init container',
      () => pod({}, { initContainers: [{ name: 'init' }] }),
      /container init: expected runAsNonRoot/,
    );
    fails(
      'of a cron job',
      () => [
        described('kubernetes:batch/v1:CronJob', 'job', {
          spec: { jobTemplate: { spec: { template: { spec: { containers: [{ name: 'c' }] } } } } },
        }),
      ],
      /job: container c/,
    );
    passes('with an exception', () => pod(context({ privileged: true })), exceptions);
    unjudged(
      'the context of one of two',
      () => pod({ securityContext: UNKNOWN.object }, { initContainers: [{ name: 'i' }] }),
      /securityContext/,
      [/container i/],
    );
  });

  testPolicy(workloadsWithLimits, ({ passes, fails, unjudged }) => {
    passes('both limits', () => pod({}));
    fails(
      'none',
      () => pod({ resources: {} }),
      /app: container main: expected resources\.limits for cpu and memory, found none/,
    );
    fails('no memory', () => pod({ resources: { limits: { cpu: '1' } } }), /limits for memory,/);
    fails(
      'of a deployment',
      () => [
        described('kubernetes:apps/v1:Deployment', 'd', {
          spec: { template: { spec: { containers: [{ name: 'c' }] } } },
        }),
      ],
      /d: container c: .* cpu and memory/,
    );
    passes('with an exception', () => pod({ resources: {} }), exceptions);
    unjudged('the limits', () => pod({ resources: { limits: UNKNOWN.object } }), /limits/);
  });
});
