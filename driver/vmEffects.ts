import type { Change } from './changes';
import { VM_TYPE } from './state';

/** What an update in place does to a machine that runs, beyond writing its configuration. */
export interface VmEffect {
  vm: string;
  effect: 'is powered off and on' | 'waits for its next start' | 'moves to another host, running' | 'is started';
  /** Properties whose change has the effect. */
  why: string[];
}

/**
 * Whether a running VM takes a change of this property over only with its power off; the provider then switches it off
 * and on by itself, memory included, unless `rebootAfterUpdate` is false. From facts measured on the real provider.
 * @param path of a property, whole (`memory`) or a part of it (`disks[0].aio`)
 */
export function needsPowerOff(path: string): boolean {
  return NEEDS_POWER_OFF.test(path);
}

const NEEDS_POWER_OFF =
  /^(acpi|agent|bios|bootOrders|cpu|efiDisk|hostpcis|initialization|keyboardLayout|kvmArguments|machine|memory|numas|operatingSystem|scsiHardware|serialDevices|smbios|tabletDevice|tpmState|vga)\b|^disks\[\d+\]\.(aio|datastoreId)$/;

/** What the updates in place among the changes do to running machines; nothing of it happens in a turn. */
export function vmEffects(changes: Change[]): VmEffect[] {
  return changes.filter((change) => change.type === VM_TYPE && isUpdate(change)).flatMap(effectsOf);
}

function isUpdate({ ops }: Change): boolean {
  return ops.includes('update') && ops.every((op) => op === 'update' || op === 'same' || op === 'refresh');
}

function effectsOf(change: Change): VmEffect[] {
  const vm = change.node ?? change.name;
  const paths = change.paths ?? [];
  if (change.after?.template === true) return [];
  const slow = paths.filter(needsPowerOff);
  const moved = paths.filter((path) => path === 'nodeName');
  const started = paths.filter((path) => path === 'started' && change.after?.started === true);
  const powered = change.after?.rebootAfterUpdate === false ? 'waits for its next start' : 'is powered off and on';
  const effects: VmEffect[] = [
    { vm, effect: powered, why: slow },
    { vm, effect: 'moves to another host, running', why: moved },
    { vm, effect: 'is started', why: started },
  ];
  return effects.filter(({ why }) => why.length > 0);
}
