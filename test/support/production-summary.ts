import type { EngineEvent } from '@pulumi/pulumi/automation';
import { ChangeSet, type Change } from '../../driver/changes';
import { VM_TYPE } from '../../driver/state';

interface VmInputs {
  vmId: number;
  name: string;
  nodeName: string;
  template?: boolean;
  clone?: { vmId: number };
  cpu: { cores: number; sockets?: number };
  memory: { dedicated: number };
  bios?: string;
  machine: string;
  onBoot: boolean;
  startup?: { order: number };
  tags: string[];
  disks: { interface: string; size: number; datastoreId: string }[];
  networkDevices: { bridge: string; vlanId?: number; macAddress?: string }[];
  hostpcis?: { device: string; mapping: string }[];
  initialization?: { ipConfigs: { ipv4: { address: string; gateway: string } }[] };
}

/**
 * What a preview would make, in lines that a person can compare with the stack file: how many resources of each type, every
 * template and every node.
 */
export function summaryOf(events: EngineEvent[]): string {
  const changes = new ChangeSet();
  for (const event of events) changes.add(event);
  const all = changes.all();
  const vms = all.filter(({ type }) => type === VM_TYPE).map(inputsOf);
  return [
    'resources',
    ...countsOf(all),
    '',
    'templates',
    ...vms.filter(isTemplate).sort(byId).map(templateLine),
    '',
    'nodes',
    ...vms
      .filter((vm) => !isTemplate(vm))
      .sort(byId)
      .flatMap(nodeLines),
    '',
  ].join('\n');
}

function countsOf(all: Change[]): string[] {
  const counts = new Map<string, number>();
  for (const { type, ops } of all) {
    const key = `${ops.join('+')} ${type}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return [...counts].sort().map(([key, count]) => `  ${String(count).padStart(3)} ${key}`);
}

function inputsOf({ after }: Change): VmInputs {
  return after as unknown as VmInputs;
}

function isTemplate({ template }: VmInputs): boolean {
  return template === true;
}

function byId(left: VmInputs, right: VmInputs): number {
  return left.vmId - right.vmId;
}

function templateLine({ vmId, name, nodeName, disks }: VmInputs): string {
  return `  ${vmId} ${name} on ${nodeName}: ${diskText(disks)}`;
}

function nodeLines(vm: VmInputs): string[] {
  const { vmId, name, nodeName, clone, cpu, memory, machine, bios, startup, onBoot, tags, networkDevices } = vm;
  const [address] = (vm.initialization?.ipConfigs ?? []).map(({ ipv4 }) => `${ipv4.address} via ${ipv4.gateway}`);
  const boot = `startup ${startup?.order}${onBoot ? ', on boot' : ''}`;
  const nics = networkDevices.map(({ bridge, vlanId, macAddress }) =>
    [bridge, ...(vlanId === undefined ? [] : [`VLAN ${vlanId}`]), macAddress].join(' '),
  );
  const pci = (vm.hostpcis ?? []).map(({ device, mapping }) => `${device} ${mapping}`);
  return [
    `  ${vmId} ${name} on ${nodeName}, from ${clone?.vmId}: ${cpu.sockets ?? 1} x ${cpu.cores} cores, ${memory.dedicated} MiB`,
    `       ${machine}, ${bios}, ${boot}; ${tags.join(' ')}`,
    `       ${diskText(vm.disks)}`,
    `       ${address}; ${nics.join('; ')}`,
    ...(pci.length > 0 ? [`       ${pci.join('; ')}`] : []),
  ];
}

function diskText(disks: VmInputs['disks']): string {
  return disks.map(({ interface: slot, size, datastoreId }) => `${slot} ${size} GiB in ${datastoreId}`).join('; ');
}
