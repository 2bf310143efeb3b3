import { PERMISSIONS, type Permission } from './permissions.js';

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
  /** Kustomizations that are suspended during a rollout. */
  suspended?: readonly { namespace: string; name: string }[];
}

/**
 * The least that the steps can do with: one rule for each line of the table, in its order, so that a role can be read
 * beside it. Lines that share a namespace share a role.
 */
export function driverRoles(settings: RoleSettings, permissions: readonly Permission[] = PERMISSIONS): DriverRole[] {
  const roles = new Map<string, DriverRole>();
  for (const permission of permissions) {
    for (const { namespace, names } of placesOf(permission, settings)) {
      const role = roles.get(namespace) ?? { ...(namespace !== '' && { namespace }), rules: [] };
      role.rules.push(rule(permission, names));
      roles.set(namespace, role);
    }
  }
  return [...roles.values()];
}

interface Place {
  /** '' is the whole cluster. */
  namespace: string;
  /** The only objects; absent: all. */
  names?: string[];
}

/** None where it is not needed at all. */
function placesOf({ where, name }: Permission, settings: RoleSettings): Place[] {
  const { leaseNamespace, linstorNamespace, suspended = [] } = settings;
  const names = name === undefined ? {} : { names: [name] };
  if (where === 'cluster' || where === 'everywhere') return [{ namespace: '', ...names }];
  if (where === 'suspended') return byNamespace(suspended);
  if (where === 'lease') return [{ namespace: leaseNamespace, ...names }];
  if (where === 'linstor') return linstorNamespace === undefined ? [] : [{ namespace: linstorNamespace, ...names }];
  return [{ namespace: where, ...names }];
}

function byNamespace(objects: readonly { namespace: string; name: string }[]): Place[] {
  const namespaces = [...new Set(objects.map(({ namespace }) => namespace))];
  const namesIn = (wanted: string) => objects.filter(({ namespace }) => namespace === wanted).map(({ name }) => name);
  return namespaces.map((namespace) => ({ namespace, names: namesIn(namespace) }));
}

function rule({ group, resource, subresource, verbs }: Permission, names?: string[]): RoleRule {
  return {
    apiGroups: [group],
    resources: [subresource === undefined ? resource : `${resource}/${subresource}`],
    ...(names && { resourceNames: names }),
    verbs: [...verbs],
  };
}
