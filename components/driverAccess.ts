import { driverRoles, type DriverRole, type RoleRule } from '@prox-ops/operations';
import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import { kustomizations } from '../config/kustomizations';
import type { StackConfig } from '../config/schema';
import { ownedBy } from './ownedObjects';

/** Namespace, service account and roles of the driver. Runners elsewhere are bound to the same roles. */
export const DRIVER = 'prox-ops';

export interface DriverAccessArgs {
  config: Pick<StackConfig, 'rollout' | 'linstor'>;
  /** Further service accounts that the driver runs under. */
  accounts?: { name: string; namespace: string }[];
}

/**
 * The least-privilege identity under which the driver runs inside the cluster: what its lifecycle steps call, generated
 * from their own table (operations/src/clients/permissions.ts), and nothing else.
 */
export class DriverAccess extends pulumi.ComponentResource {
  constructor(
    name: string,
    private readonly args: DriverAccessArgs,
    /** For every object. */
    private readonly object: pulumi.CustomResourceOptions,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super('prox-ops:addons:DriverAccess', name, {}, opts);
    const home = this.createHome(name);
    const account = this.createAccount(name, home);
    for (const role of this.roles()) {
      if (role.namespace === undefined) this.createClusterRole(name, role.rules, account);
      else this.createRole(name, role.namespace, role.rules, account);
    }
    this.registerOutputs({});
  }

  private get subjects(): Subject[] {
    const { accounts = [] } = this.args;
    return [{ name: DRIVER, namespace: DRIVER }, ...accounts].map((account) => ({
      kind: 'ServiceAccount',
      ...account,
    }));
  }

  private roles(): DriverRole[] {
    const { rollout, linstor } = this.args.config;
    // With a URL the controller is not reached through the API server.
    const forwarded = linstor !== undefined && linstor.url === undefined;
    const { leaseNamespace, suspendFlux } = rollout;
    const suspended = kustomizations(suspendFlux);
    return driverRoles({ leaseNamespace, suspended, ...(forwarded && { linstorNamespace: linstor.namespace }) });
  }

  private createHome(name: string): k8s.core.v1.Namespace {
    const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
    const metadata = { ...ownedBy(labels), name: DRIVER };
    // Its labels are Flux' from then on.
    const options = { ...this.object, parent: this, ignoreChanges: ['metadata.labels'] };
    return new k8s.core.v1.Namespace(`${name}-namespace`, { metadata }, options);
  }

  private createAccount(name: string, home: pulumi.Resource): k8s.core.v1.ServiceAccount {
    const metadata = { ...ownedBy(), name: DRIVER, namespace: DRIVER };
    const options = { ...this.object, parent: this, dependsOn: [home] };
    // A pod that wants the token says so.
    return new k8s.core.v1.ServiceAccount(
      `${name}-account`,
      { metadata, automountServiceAccountToken: false },
      options,
    );
  }

  private createClusterRole(name: string, rules: RoleRule[], account: pulumi.Resource): void {
    const metadata = { ...ownedBy(), name: DRIVER };
    const options = { ...this.object, parent: this };
    const role = new k8s.rbac.v1.ClusterRole(`${name}-cluster-role`, { metadata, rules }, options);
    new k8s.rbac.v1.ClusterRoleBinding(
      `${name}-cluster-binding`,
      { metadata, roleRef: roleRef('ClusterRole'), subjects: this.subjects },
      { ...options, dependsOn: [role, account] },
    );
  }

  private createRole(name: string, namespace: string, rules: RoleRule[], account: pulumi.Resource): void {
    const metadata = { ...ownedBy(), name: DRIVER, namespace };
    const options = { ...this.object, parent: this, dependsOn: this.createNamespace(name, namespace) };
    const role = new k8s.rbac.v1.Role(`${name}-role-${namespace}`, { metadata, rules }, options);
    new k8s.rbac.v1.RoleBinding(
      `${name}-binding-${namespace}`,
      { metadata, roleRef: roleRef('Role'), subjects: this.subjects },
      { ...options, dependsOn: [role, account] },
    );
  }

  /**
   * A role needs its namespace, and before Flux there is none for LINSTOR. It is never deleted from here: the storage
   * controller and its records live in it.
   */
  private createNamespace(name: string, namespace: string): pulumi.Resource[] {
    if (namespace === 'kube-system' || namespace === DRIVER) return [];
    const privileged = namespace === this.args.config.linstor?.namespace;
    // DRBD's satellites load modules and use host devices.
    const labels = privileged ? { 'pod-security.kubernetes.io/enforce': 'privileged' } : {};
    const metadata = { ...ownedBy(labels), name: namespace };
    const options = { ...this.object, parent: this, ignoreChanges: ['metadata.labels'], retainOnDelete: true };
    return [new k8s.core.v1.Namespace(`${name}-namespace-${namespace}`, { metadata }, options)];
  }
}

interface Subject {
  kind: string;
  name: string;
  namespace: string;
}

function roleRef(kind: 'Role' | 'ClusterRole'): { apiGroup: string; kind: string; name: string } {
  return { apiGroup: 'rbac.authorization.k8s.io', kind, name: DRIVER };
}
