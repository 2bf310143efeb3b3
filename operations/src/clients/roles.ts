import { PERMISSIONS, type Permission, type Where } from './permissions.js';

/** A rule as RBAC has it. */
export interface RoleRule {
  apiGroups: string[];
  resources: string[];
  resourceNames?: string[];
  verbs: string[];
}

/** Rules of a ClusterRole, or of a Role where a namespace is given. */
export interface DriverRole {
  namespace?: string;
  rules: RoleRule[];
}

export interface RoleSettings {
  leaseNamespace: string;
  /** Where LINSTOR's controller runs; absent when it is not reached through the API server. */
  linstorNamespace?: string;
}

/**
 * The least that the steps can do with: one rule for each line of the table, in its order, so that a role can be read
 * beside it. Lines that share a namespace share a role.
 */
export function driverRoles(settings: RoleSettings, permissions: readonly Permission[] = PERMISSIONS): DriverRole[] {
  const roles = new Map<string, DriverRole>();
  for (const permission of permissions) {
    const namespace = namespaceOf(permission.where, settings);
    if (namespace === undefined) continue;
    const role = roles.get(namespace) ?? { ...(namespace !== '' && { namespace }), rules: [] };
    role.rules.push(rule(permission));
    roles.set(namespace, role);
  }
  return [...roles.values()];
}

/** '' is the whole cluster; undefined: not needed at all. */
function namespaceOf(where: Where, { leaseNamespace, linstorNamespace }: RoleSettings): string | undefined {
  if (where === 'cluster' || where === 'everywhere') return '';
  if (where === 'lease') return leaseNamespace;
  return where === 'linstor' ? linstorNamespace : where;
}

function rule({ group, resource, subresource, name, verbs }: Permission): RoleRule {
  return {
    apiGroups: [group],
    resources: [subresource === undefined ? resource : `${resource}/${subresource}`],
    ...(name !== undefined && { resourceNames: [name] }),
    verbs: [...verbs],
  };
}
