import { flag, items, member, num, text } from '../../protocol/read-value.js';
import { Deadline } from '../../protocol/timing.js';
import type { PropertyMap } from '../../protocol/values.js';
import type { Params } from '../api.js';
import { encodeDisk, plannedDisks } from './disks.js';
import * as encode from './encode.js';
import { Power } from './power.js';
import type { VmApi } from './vm-api.js';

/** A step of a creation that failed after the VM came to exist. */
export class HalfMadeError extends Error {}

/** Everything after the VM exists: a failure leaves it in the state, half made. */
export async function finishing(steps: () => Promise<void>): Promise<void> {
  try {
    await steps();
  } catch (error) {
    throw new HalfMadeError((error as Error).message, { cause: error });
  }
}

/** Creates a VM or template from nothing: one POST, then sizes, conversion and start. */
export async function createVm(vm: VmApi, planned: PropertyMap): Promise<void> {
  const deadline = new Deadline(num(planned['timeoutCreate']));
  const disks = plannedDisks(planned['disks']);
  await vm.create(creation(vm.vmId, planned), deadline);
  await finishing(async () => {
    for (const [name, device] of disks) {
      if (device.importFrom !== undefined) await vm.resize(name, device.size ?? 0, deadline);
    }
    await finishCreation(vm, planned, deadline);
  });
}

/** What every creation ends with: conversion to a template, or the start. */
export async function finishCreation(vm: VmApi, planned: PropertyMap, deadline: Deadline): Promise<void> {
  if (flag(planned['template'])) return vm.toTemplate(deadline);
  if (!flag(planned['started'])) return;
  const power = new Power(vm, planned);
  await power.ensureRunning();
  if (flag(planned['reboot'])) await power.restart();
}

function creation(vmId: number, planned: PropertyMap): Params {
  const disks = [...plannedDisks(planned['disks'])].map(([name, device]) => [name, encodeDisk(device)] as const);
  return {
    ...Object.fromEntries(disks),
    vmid: vmId,
    template: false,
    acpi: flag(planned['acpi']),
    bios: text(planned['bios']),
    keyboard: text(planned['keyboardLayout']),
    onboot: flag(planned['onBoot']),
    ostype: text(member(planned['operatingSystem'])?.['type']),
    protection: flag(planned['protection']),
    scsihw: text(planned['scsiHardware']),
    tablet: flag(planned['tabletDevice']),
    ...encode.agent(planned['agent']),
    ...encode.cdrom(planned['cdrom']),
    ...encode.cpu(planned['cpu']),
    ...encode.efiDisk(planned['efiDisk']),
    ...encode.hostpcis(planned['hostpcis']),
    ...encode.memory(planned['memory'], vmId),
    ...encode.networkDevices(planned['networkDevices']),
    ...encode.serialDevices(planned['serialDevices']),
    ...encode.smbios(planned['smbios']),
    ...encode.startup(planned['startup']),
    ...encode.tpmState(planned['tpmState']),
    ...encode.vga(planned['vga']),
    ...cloudInitDrive(planned),
    ...bootOrder(planned),
    ...named({
      args: text(planned['kvmArguments']),
      description: text(planned['description']),
      hotplug: text(planned['hotplug']),
      machine: text(planned['machine']),
      name: text(planned['name']),
      pool: text(planned['poolId']),
      tags: encode.tags(planned['tags']),
    }),
  };
}

/** The parameters that are not empty. */
export function named(params: Record<string, string>): Params {
  return Object.fromEntries(Object.entries(params).filter(([, value]) => value !== ''));
}

function cloudInitDrive(planned: PropertyMap): Params {
  const block = member(planned['initialization']);
  if (!block) return {};
  return {
    [text(block['interface']) || 'ide2']: cloudInitVolume(block),
    ...encode.cloudInit(block),
    ...upgrade(block),
  };
}

export function cloudInitVolume(block: PropertyMap): string {
  const format = text(block['fileFormat']);
  return `file=${text(block['datastoreId'])}:cloudinit,${format === '' ? '' : `format=${format},`}`;
}

/** Sent only when the program says so: it needs root. */
export function upgrade(block: PropertyMap): Params {
  return typeof block['upgrade'] === 'boolean' ? { ciupgrade: block['upgrade'] } : {};
}

function bootOrder(planned: PropertyMap): Params {
  if (items(planned['bootOrders']).length > 0) return encode.bootOrder(planned['bootOrders']);
  const disks = plannedDisks(planned['disks']);
  const cdrom = text(member(planned['cdrom'])?.['interface']);
  const firsts = ['ide0', 'sata0', 'scsi0', 'virtio0'].filter((name) => disks.has(name));
  return encode.bootOrder([...(cdrom === '' ? [] : [cdrom]), ...firsts, 'net0']);
}
