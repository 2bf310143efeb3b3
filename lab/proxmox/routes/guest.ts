import { refusal } from '../errors.js';
import type { Call, Route } from '../http/router.js';
import { vmOf } from '../http/router.js';
import { guestInterfaces, vmStatus } from '../reports.js';
import { changeConfig, digestOf, pendingKeys, readChange } from '../vm/config.js';
import type { Vm } from '../vm/model.js';
import { rebootVm, rebuildCloudInit, resetVm, shutdownVm, startVm, stopVm } from '../vm/power.js';
import { typed } from '../vm/schema.js';

const VM = '/nodes/{node}/qemu/{vmid}';

/** One VM's configuration, power and guest agent. */
export const guestRoutes: Route[] = [
  {
    method: 'GET',
    path: `${VM}/config`,
    params: { current: 'flag?', snapshot: 'string?' },
    run: (call) => readConfig(vmOf(call), call.params.flag('current')),
  },
  { method: 'GET', path: `${VM}/pending`, params: {}, run: (call) => readPending(vmOf(call)) },
  // The lab takes none: what is left is the state that the VM runs with.
  {
    method: 'GET',
    path: `${VM}/snapshot`,
    params: {},
    run: (call) => [
      {
        name: 'current',
        description: 'You are here!',
        digest: digestOf(vmOf(call).config),
        running: vmOf(call).power ? 1 : 0,
      },
    ],
  },
  {
    method: 'PUT',
    path: `${VM}/config`,
    run: (call) => changeConfig(call.site, vmOf(call), readChange(call.params.raw)),
  },
  {
    method: 'POST',
    path: `${VM}/config`,
    run: ({ site, user, ...call }) => {
      const vm = vmOf({ site, user, ...call });
      const change = readChange(call.params.raw);
      const task = { node: vm.host, type: 'qmconfig', id: String(vm.vmid), user };
      return site.tasks.fork(task, () => changeConfig(site, vm, change));
    },
  },
  {
    method: 'PUT',
    path: `${VM}/cloudinit`,
    params: {},
    run: (call) => rebuildCloudInit(call.site, vmOf(call)),
  },
  { method: 'GET', path: `${VM}/status/current`, params: {}, run: (call) => vmStatus(call.site, vmOf(call)) },
  {
    method: 'POST',
    path: `${VM}/status/start`,
    params: { timeout: 'integer?', skiplock: 'flag?', machine: 'string?' },
    run: (call) => startVm(call.site, vmOf(call), call.user),
  },
  {
    method: 'POST',
    path: `${VM}/status/stop`,
    params: { timeout: 'integer?', skiplock: 'flag?', keepActive: 'flag?', 'overrule-shutdown': 'flag?' },
    run: (call) => stopVm(call.site, vmOf(call), call.user, call.params.flag('overrule-shutdown')),
  },
  {
    method: 'POST',
    path: `${VM}/status/shutdown`,
    params: { timeout: 'integer?', forceStop: 'flag?', skiplock: 'flag?', keepActive: 'flag?' },
    run: (call) => {
      const timeout = call.params.number('timeout');
      const order = { forceStop: call.params.flag('forceStop'), ...(timeout === undefined ? {} : { timeout }) };
      return shutdownVm(call.site, vmOf(call), order, call.user);
    },
  },
  {
    method: 'POST',
    path: `${VM}/status/reboot`,
    params: { timeout: 'integer?' },
    run: (call) => rebootVm(call.site, vmOf(call), call.params.number('timeout'), call.user),
  },
  {
    method: 'POST',
    path: `${VM}/status/reset`,
    params: { skiplock: 'flag?' },
    run: (call) => resetVm(call.site, vmOf(call), call.user),
  },
  {
    method: 'GET',
    path: `${VM}/agent/network-get-interfaces`,
    params: {},
    run: (call) => ({ result: guestInterfaces(call.site, answeringVm(call)) }),
  },
  {
    method: 'POST',
    path: `${VM}/agent/ping`,
    params: {},
    harmless: true,
    run: (call) => {
      answeringVm(call);
      return { result: {} };
    },
  },
];

/** With what is pending, as the real one answers unless asked for the current values. */
function readConfig(vm: Vm, current: boolean): Record<string, unknown> {
  const config = current && vm.power ? vm.power.config : vm.config;
  const lock = vm.lock === undefined ? {} : { lock: vm.lock };
  return { ...typed(config), ...lock, digest: digestOf(vm.config) };
}

function readPending(vm: Vm): unknown[] {
  const pending = new Set(pendingKeys(vm));
  const running = typed(vm.power?.config ?? vm.config);
  const wanted = typed(vm.config);
  return [...new Set([...Object.keys(running), ...Object.keys(wanted)])].sort().map((key) => ({
    key,
    ...(running[key] === undefined ? {} : { value: running[key] }),
    ...(pending.has(key) ? (wanted[key] === undefined ? { delete: 1 } : { pending: wanted[key] }) : {}),
  }));
}

/** @throws PveError unless a guest agent answers in it. */
function answeringVm(call: Call): Vm {
  const vm = vmOf(call);
  if (vm.config.agent === undefined) throw refusal('No QEMU guest agent configured');
  if (!vm.power) throw refusal(`VM ${vm.vmid} is not running`);
  if (!call.site.guests.agentPing?.(vm.vmid)) throw refusal('QEMU guest agent is not running');
  return vm;
}
