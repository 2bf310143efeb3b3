import { deviceName } from '../resources/content.js';
import type { Guest } from '../guest.js';
import { reboot, reset, shutdown, stagedUpgrade, upgrade, type ResetOrder } from '../sequences.js';
import { validateForUpgrade } from '../etcd/upgrade-check.js';
import { preflight } from '../factory/preflight.js';
import type { Methods } from './call.js';
import { failedPrecondition, unknown } from './status.js';

const M = '/machine.MachineService';

/** What takes a machine down, and what comes up afterwards. */
export const powerMethods: Methods = {
  unary: {
    [`${M}/Reboot`]: (guest, { mode }: { mode: string }) => actor(reboot(guest.boot!, { force: mode === 'FORCE' })),
    [`${M}/Shutdown`]: (guest) => actor(shutdown(guest.boot!)),
    [`${M}/Reset`]: (guest, request: ResetRequest) => actor(reset(guest.boot!, resetOrder(guest, request))),
    [`${M}/Rollback`]: rollback,
    [`${M}/Upgrade`]: legacyUpgrade,
  },
  streaming: {},
};

interface ResetRequest {
  graceful: boolean;
  reboot: boolean;
  system_partitions_to_wipe: { label: string; wipe: boolean }[];
  user_disks_to_wipe: string[];
  mode: 'ALL' | 'SYSTEM_DISK' | 'USER_DISKS';
}

interface UpgradeRequest {
  image: string;
  stage: boolean;
  force: boolean;
}

const PARTITIONS = ['EFI', 'BIOS', 'BOOT', 'META', 'STATE', 'EPHEMERAL'];

function actor(id: string): object {
  return { messages: [{ actor_id: id }] };
}

function resetOrder(guest: Guest, request: ResetRequest): ResetOrder {
  const { graceful, mode, system_partitions_to_wipe: partitions, user_disks_to_wipe: disks } = request;
  if (disks.length > 0 && mode === 'SYSTEM_DISK') {
    throw unknown("reset failed: invalid input, wipe mode SYSTEM_DISK doesn't support UserDisksToWipe parameter");
  }
  if (partitions.length > 0 && mode === 'USER_DISKS') {
    throw unknown("reset failed: invalid input, wipe mode USER_DISKS doesn't support SystemPartitionsToWipe parameter");
  }
  const stranger = partitions.find(({ label }) => !PARTITIONS.includes(label));
  if (stranger) throw unknown(`failed to get volume status with label "${stranger.label}": resource doesn't exist`);
  const labels = partitions.filter(({ wipe }) => wipe).map(({ label }) => label);
  const whole = mode !== 'USER_DISKS' && partitions.length === 0;
  const userDisks = disks.map((device) => userDisk(guest, device));
  const wipeUserDisks = (): void => userDisks.forEach(({ content }) => empty(content.state));
  return { graceful, reboot: request.reboot, wipe: whole ? 'everything' : labels, wipeUserDisks };
}

function userDisk({ hardware }: Guest, device: string) {
  const index = hardware.disks.findIndex((_, place) => `/dev/${deviceName(place)}` === device);
  const disk = hardware.disks[index];
  if (!disk) throw unknown(`reset user disk failed: device ${device} wasn't found`);
  if (disk.slot === 'scsi0') throw unknown(`reset user disk failed: device ${device} is the system disk`);
  return disk;
}

function empty(state: Record<string, unknown>): void {
  for (const key of Object.keys(state)) delete state[key];
}

function rollback(guest: Guest): object {
  const boot = guest.boot!;
  if (!boot.disk.revert()) throw failedPrecondition('previous UKI not found');
  reboot(boot, { force: false });
  return { messages: [{}] };
}

function legacyUpgrade(guest: Guest, { image, stage, force }: UpgradeRequest): object {
  const boot = guest.boot!;
  const system = preflight(boot.fleet.images, boot.system.version, image);
  if ('refused' in system) throw unknown(`error validating installer image "${image}": ${system.refused}`);
  if (boot.etcd && !force) validateForUpgrade(boot.etcd);
  const id = stage ? stagedUpgrade(boot, image) : upgrade(boot, system);
  return { messages: [{ ack: 'Upgrade request received', actor_id: id }] };
}
