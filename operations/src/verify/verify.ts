import type { Check, CheckContext } from '../checks/check.js';
import { etcdCheck } from '../checks/etcd.js';
import { kubernetesNodesCheck } from '../checks/nodes.js';
import { CHECKS, runChecks, type HealthReport } from '../checks/runner.js';
import { certificatesCheck } from './certificates.js';
import { clocksCheck } from './clocks.js';
import { etcdSnapshotsCheck } from './etcdSnapshots.js';
import type { ExpectedCluster } from './expected.js';
import { ingressCheck } from './ingress.js';
import { Machines, type MachineReader } from './machines.js';
import { membersCheck } from './members.js';
import { linksCheck, multusCheck, vlansCheck, type VmReader } from './network.js';
import { imagesCheck, versionsCheck } from './versions.js';
import { claimsCheck, replicasCheck, volsyncCheck, volumeSnapshotsCheck } from './volumes.js';

export interface VerifyReaders {
  talos: MachineReader;
  proxmox: VmReader;
}

/** Seconds for one check: machines that are silent cost a deadline each, four at a time. */
const PATIENCE = 180;

/** Everything that is to be true of a cluster that was built again (R002-6); the health checks that change nothing are among it. */
export function verifyChecks(expected: ExpectedCluster, readers: VerifyReaders): Check[] {
  const machines = new Machines(readers.talos, expected.nodes);
  const health = (id: string): Check[] => CHECKS.filter((check) => check.id === id);
  return [
    versionsCheck(expected, machines),
    imagesCheck(expected, machines),
    membersCheck(expected, readers.talos),
    kubernetesNodesCheck,
    etcdCheck,
    linksCheck(expected, machines),
    vlansCheck(expected, readers.proxmox),
    multusCheck(expected, machines),
    ...health('storage'),
    replicasCheck,
    claimsCheck,
    volsyncCheck,
    volumeSnapshotsCheck,
    etcdSnapshotsCheck(expected),
    ...health('flux'),
    ...health('pods'),
    ...health('gpu'),
    ...health('dns'),
    ingressCheck,
    certificatesCheck(expected),
    clocksCheck(expected, machines),
  ];
}

/** One round of all of them. Changes nothing, never throws. */
export async function verifyCluster(
  ctx: CheckContext,
  expected: ExpectedCluster,
  readers: VerifyReaders,
): Promise<HealthReport> {
  const settings = { ...ctx.settings, healthCheckTimeout: PATIENCE };
  return runChecks({ ...ctx, settings }, verifyChecks(expected, readers));
}
