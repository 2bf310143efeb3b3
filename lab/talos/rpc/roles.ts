import type { PeerCertificate } from 'node:tls';
import { permissionDenied } from './status.js';

export const ADMIN = 'os:admin';
export const OPERATOR = 'os:operator';
export const READER = 'os:reader';
const ETCD_BACKUP = 'os:etcd:backup';

const READERS = [ADMIN, OPERATOR, READER];
const OPERATORS = [ADMIN, OPERATOR];
const ADMINS = [ADMIN];

/** Who may call what, as Talos' own table says; a method that is not in it is the administrators'. */
const RULES: Record<string, string[]> = {
  '/cluster.ClusterService/HealthCheck': READERS,
  '/machine.ImageService/Pull': OPERATORS,
  '/machine.LifecycleService/Upgrade': ADMINS,
  // Readers in maintenance mode only, which the handler checks.
  '/machine.MachineService/ApplyConfiguration': [ADMIN, READER],
  '/machine.MachineService/EtcdAlarmList': [...READERS, ETCD_BACKUP],
  '/machine.MachineService/EtcdMemberList': [...READERS, ETCD_BACKUP],
  '/machine.MachineService/EtcdSnapshot': [...OPERATORS, ETCD_BACKUP],
  '/machine.MachineService/EtcdStatus': [...READERS, ETCD_BACKUP],
  '/machine.MachineService/Events': READERS,
  '/machine.MachineService/Hostname': READERS,
  '/machine.MachineService/ImagePull': OPERATORS,
  '/machine.MachineService/Memory': READERS,
  '/machine.MachineService/Reboot': OPERATORS,
  '/machine.MachineService/ServiceList': READERS,
  '/machine.MachineService/ServiceRestart': OPERATORS,
  '/machine.MachineService/ServiceStart': OPERATORS,
  '/machine.MachineService/ServiceStop': OPERATORS,
  '/machine.MachineService/Shutdown': OPERATORS,
  '/machine.MachineService/Version': READERS,
  '/cosi.resource.State/Get': READERS,
  '/cosi.resource.State/List': READERS,
  '/cosi.resource.State/Watch': READERS,
  '/storage.StorageService/Disks': READERS,
  '/time.TimeService/Time': READERS,
  '/time.TimeService/TimeCheck': READERS,
};

/** Roles are the organizations of the client's certificate. */
export function rolesOf(certificate: PeerCertificate | undefined): string[] {
  const organization = certificate?.subject?.O;
  return organization === undefined ? [] : [organization].flat();
}

/** @throws RpcError PermissionDenied. */
export function authorize(path: string, roles: readonly string[]): void {
  if (!(RULES[path] ?? ADMINS).some((role) => roles.includes(role))) throw permissionDenied('not authorized');
}
