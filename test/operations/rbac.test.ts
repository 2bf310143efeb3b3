import assert from 'node:assert/strict';
import { assertPermitted, PERMISSIONS, permissionFor, type Permission } from '../../operations/src/clients/permissions';
import { driverRoles } from '../../operations/src/clients/roles';
import type { Kubernetes } from '../../operations/src/index';

/** Never called: what does not compile here can't be written in a step. Each line must be an error of the compiler. */
export function refusedByTheCompiler(kubernetes: Kubernetes): unknown[] {
  return [
    // @ts-expect-error -- not in the table
    kubernetes.list('/api/v1/secrets'),
    // @ts-expect-error -- pods are evicted, never deleted
    kubernetes.delete('/api/v1/namespaces/a/pods/b'),
    // @ts-expect-error -- pods are listed, not read
    kubernetes.get('/api/v1/namespaces/a/pods/b'),
    // @ts-expect-error -- in kube-system alone, and there by a list
    kubernetes.get('/apis/apps/v1/namespaces/kube-system/deployments/coredns'),
    // @ts-expect-error -- nodes have no namespace
    kubernetes.list('/api/v1/namespaces/a/nodes'),
  ];
}

describe('RBAC of the driver, generated from its table of requests', () => {
  const suspended = [{ namespace: 'flux-system', name: 'apps' }];
  const settings = { leaseNamespace: 'rollouts', linstorNamespace: 'piraeus-datastore', suspended };

  it('one rule for each line of the table, in one role for each namespace', () => {
    const roles = driverRoles(settings);
    assert.deepEqual(
      roles.map(({ namespace }) => namespace),
      [undefined, 'flux-system', 'kube-system', 'rollouts', 'piraeus-datastore'],
    );
    assert.equal(roles.flatMap(({ rules }) => rules).length, PERMISSIONS.length);
  });

  it('the lease in kube-system shares the role there', () => {
    const roles = driverRoles({ ...settings, leaseNamespace: 'kube-system' });
    const namespaces = ['flux-system', 'kube-system', 'piraeus-datastore', undefined];
    assert.deepEqual(roles.map(({ namespace }) => namespace).sort(), namespaces);
  });

  it('the only lease it reads or changes is its own, by name; beside it are its probes', () => {
    const rules = driverRoles(settings).find(({ namespace }) => namespace === 'rollouts')?.rules;
    assert.deepEqual(rules, [
      { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create'] },
      {
        apiGroups: ['coordination.k8s.io'],
        resources: ['leases'],
        resourceNames: ['prox-ops-rollout'],
        verbs: ['get', 'watch', 'update'],
      },
      { apiGroups: ['batch'], resources: ['jobs'], verbs: ['create', 'list', 'delete'] },
      { apiGroups: [''], resources: ['events'], verbs: ['list', 'watch'] },
    ]);
  });

  it('Jobs are made and deleted in the namespace of the lease alone', () => {
    const places = driverRoles(settings).flatMap(({ namespace, rules }) =>
      rules.some(({ resources }) => resources.includes('jobs')) ? [namespace] : [],
    );
    assert.deepEqual(places, ['rollouts']);
  });

  it('the only Kustomizations it changes are those of the settings, by name and namespace', () => {
    const both = [...suspended, { namespace: 'flux-system', name: 'db' }, { namespace: 'other', name: 'apps' }];
    const changes = (given: typeof suspended) =>
      driverRoles({ ...settings, suspended: given }).flatMap(({ namespace, rules }) =>
        rules
          .filter(({ resources, verbs }) => resources.includes('kustomizations') && verbs.includes('patch'))
          .map(({ resourceNames }) => [namespace, resourceNames]),
      );
    assert.deepEqual(changes(both), [
      ['flux-system', ['apps', 'db']],
      ['other', ['apps']],
    ]);
    assert.deepEqual(changes([]), []);
  });

  it("no way into LINSTOR's pods where its controller is reached by URL", () => {
    const rules = driverRoles({ leaseNamespace: 'kube-system' }).flatMap((role) => role.rules);
    assert.equal(
      rules.some(({ resources }) => resources.includes('pods/portforward')),
      false,
    );
  });

  it('nothing in it reads a secret, starts a process, deletes a pod or grants rights', () => {
    const table: readonly Permission[] = PERMISSIONS;
    const everything = table.flatMap(({ resource, subresource = '', verbs }) =>
      verbs.map((verb) => `${verb} ${resource}/${subresource}`),
    );
    for (const line of everything)
      assert.doesNotMatch(
        line,
        /secret|exec|attach\/|pods\/attach|role|binding|token|impersonate|\*|delete pods|proxy/,
      );
  });

  it('a request made up at run time is refused before it is sent', () => {
    const lease = '/apis/coordination.k8s.io/v1/namespaces/rollouts/leases';
    const allowed = [
      ['get', '/api/v1/nodes/w1'],
      ['list', '/api/v1/pods'],
      ['list', '/api/v1/namespaces/piraeus-datastore/pods'],
      ['create', '/api/v1/namespaces/a/pods/b/eviction'],
      ['watch', lease],
      ['update', `${lease}/prox-ops-rollout`],
      ['patch', '/api/v1/namespaces/prox-ops/status'],
      ['patch', '/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations/apps'],
    ] as const;
    for (const [verb, path] of allowed) assert.ok(permissionFor(verb, path), `${verb} ${path}`);
    const refused = [
      ['get', '/api/v1/nodes/w1/proxy'],
      ['update', `${lease}/other`],
      ['patch', '/api/v1/namespaces/kube-system/status'],
      ['patch', '/api/v1/namespaces/prox-ops'],
      ['delete', '/api/v1/nodes'],
      ['create', '/api/v1/namespaces/a/pods/b/exec'],
      ['list', '/apis/apps/v1/namespaces/default/deployments'],
      ['list', '/apis/apps/v1/deployments'],
      ['get', '/healthz'],
    ] as const;
    for (const [verb, path] of refused)
      assert.throws(() => assertPermitted(verb, path), new RegExp(`expected a request of the table.*${verb} ${path}`));
  });
});
