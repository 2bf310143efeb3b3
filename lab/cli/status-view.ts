import type { LabStatus } from '../daemon/status.js';
import type { ActiveFault } from '../world/faults.js';
import { table } from './table.js';

/** The lab's state for people. */
export function statusText(status: LabStatus): string {
  const { name, pid, base, directory, started } = status;
  const sections = [
    `lab '${name}': process ${pid} on 127.${base}.0.0/16 since ${started}\n${directory}`,
    hosts(status),
    nodes(status),
    otherVms(status),
    `etcd: ${etcd(status)}`,
    `Kubernetes API: ${status.kubernetes.reachable ? 'reachable' : 'not reachable'}`,
    `LINSTOR: ${linstor(status)}`,
    `faults: ${status.faults.map(faultText).join(', ') || 'none'}`,
    `monitor: ${monitor(status)}`,
    ...status.failures.map(({ part, message }) => `FAILED ${part}: ${message}`),
  ];
  return sections.filter((section) => section !== '').join('\n\n');
}

/** 'never-boots k8s-work-1 (2 left)' */
export function faultText({ name, subject, left }: ActiveFault): string {
  // JSON has no Infinity: a fault that is not counted arrives as null.
  const counted = Number.isFinite(left) && left !== null;
  return [name, subject, counted ? `(${left} left)` : ''].filter((part) => part !== '').join(' ');
}

function hosts({ hosts: all }: LabStatus): string {
  const rows = all.map((host) => [host.name, host.address, host.online ? 'online' : 'offline', String(host.vms)]);
  return table(['HOST', 'ADDRESS', 'STATE', 'VMS'], rows);
}

/** One line a machine: the VM, its operating system, its Kubernetes node and its satellite. */
function nodes({ vms, machines, kubernetes, linstor: { nodes: satellites } }: LabStatus): string {
  const rows = machines.map((machine) => {
    const vm = vms.find(({ vmid }) => vmid === machine.vmid);
    const node = kubernetes.nodes.find(({ name }) => name === machine.node);
    const satellite = satellites.find(({ name }) => name === machine.node);
    return [
      machine.node,
      String(machine.vmid),
      vm?.host ?? '-',
      machine.role || '-',
      machine.stage,
      machine.talos || '-',
      machine.kubelet || '-',
      node ? (node.ready ? 'Ready' : 'NotReady') : '-',
      satellite ? [satellite.status, ...satellite.flags].join(' ') : '-',
    ];
  });
  if (rows.length === 0) return 'no machines yet';
  return table(['NODE', 'VM', 'HOST', 'ROLE', 'STAGE', 'TALOS', 'KUBELET', 'KUBERNETES', 'LINSTOR'], rows);
}

function otherVms({ vms, machines }: LabStatus): string {
  const others = vms.filter(({ vmid }) => !machines.some((machine) => machine.vmid === vmid));
  if (others.length === 0) return '';
  const rows = others.map((vm) => [
    String(vm.vmid),
    vm.name,
    vm.host,
    vm.template ? 'template' : vm.running ? 'running' : 'stopped',
  ]);
  return table(['OTHER VM', 'NAME', 'HOST', 'STATE'], rows);
}

function etcd({ etcd: { quorum, members } }: LabStatus): string {
  if (members.length === 0) return 'not bootstrapped';
  const list = members.map((member) => {
    const marks = [member.role, ...(member.leader ? ['leader'] : []), ...(member.up ? [] : ['down'])];
    return `${member.node} (${marks.join(', ')})`;
  });
  return `${quorum ? 'quorum' : 'no quorum'}; ${list.join(', ')}`;
}

function linstor({ linstor: { nodes: satellites, resources, faulty } }: LabStatus): string {
  const online = satellites.filter(({ status }) => status === 'ONLINE').length;
  const faults = faulty.length === 0 ? 'none faulty' : `faulty: ${faulty.join(', ')}`;
  return `${online} of ${satellites.length} satellites online, ${resources} resources, ${faults}`;
}

function monitor({ monitor: { armed, holds, complete, violations } }: LabStatus): string {
  const since = armed === null ? 'waits for the complete cluster' : `armed since ${new Date(armed).toISOString()}`;
  const verdict = holds ? (complete ? 'I1 to I7 hold' : 'nothing violated') : `${violations} violations`;
  return `${since}; ${verdict}`;
}
