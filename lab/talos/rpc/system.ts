import { deviceName } from '../resources/content.js';
import { timestamp } from '../resources/store.js';
import type { Service } from '../services.js';
import type { Guest } from '../guest.js';
import type { CallContext, Methods, Send } from './call.js';
import { SendQueue } from './send-queue.js';
import { notFound, unknown } from './status.js';

const BOOT_ID = '/proc/sys/kernel/random/boot_id';
const M = '/machine.MachineService';

/** What a machine tells of itself, and its services. */
export const systemMethods: Methods = {
  unary: {
    [`${M}/Version`]: version,
    [`${M}/Hostname`]: (guest) => ({ messages: [{ hostname: guest.node }] }),
    [`${M}/Memory`]: memory,
    [`${M}/ServiceList`]: (guest) => ({ messages: [{ services: guest.boot!.services.list().map(serviceInfo) }] }),
    [`${M}/ServiceStart`]: (guest, { id }: { id: string }) => operate(guest, id, 'start'),
    [`${M}/ServiceStop`]: (guest, { id }: { id: string }) => operate(guest, id, 'stop'),
    [`${M}/ServiceRestart`]: (guest, { id }: { id: string }) => operate(guest, id, 'restart'),
    '/storage.StorageService/Disks': disks,
  },
  streaming: {
    [`${M}/Events`]: events,
    [`${M}/Read`]: read,
  },
};

function version({ boot }: Guest): object {
  const { version: tag } = boot!.system;
  const info = { tag, sha: '', built: '', go_version: 'go1.26.2', os: 'linux', arch: 'amd64' };
  const features = boot!.configuration ? { features: { rbac: true } } : {};
  return { messages: [{ version: info, platform: { name: 'nocloud', mode: 'cloud' }, ...features }] };
}

/** In kibibytes, as /proc/meminfo has it; half of it in use. */
function memory({ hardware }: Guest): object {
  const total = Math.floor(hardware.memory / 1024);
  const free = Math.floor(total / 2);
  return { messages: [{ meminfo: { memtotal: total, memfree: free, memavailable: free } }] };
}

function serviceInfo({ id, state, message, healthy, changed }: Service): object {
  const at = timestamp(changed);
  return {
    id,
    state,
    events: { events: [{ msg: message, state, ts: at }] },
    health: { unknown: healthy === undefined, healthy: healthy === true, last_message: '', last_change: at },
  };
}

type Operation = 'start' | 'stop' | 'restart';

/** The kubelet can be started and restarted, extensions' services stopped as well, Talos' own none of it. */
function operate(guest: Guest, id: string, operation: Operation): object {
  const { services, node } = guest.boot!;
  if (!services.get(id)) throw unknown(`service "${id}" not defined`);
  const allowed = id === 'kubelet' ? operation !== 'stop' : id.startsWith('ext-');
  if (!allowed) throw unknown(`service "${id}" doesn't support ${operation} operation via API`);
  if (operation !== 'start') {
    if (id === 'kubelet') node.stopKubelet();
    else services.stop(id);
  }
  if (operation !== 'stop') {
    if (id === 'kubelet') node.startKubelet();
    else services.run(id);
  }
  const past = { start: 'started', stop: 'stopped', restart: 'restarted' }[operation];
  return { messages: [{ resp: `Service "${id}" ${past}` }] };
}

function disks({ hardware }: Guest): object {
  const list = hardware.disks.map(({ slot, bytes }, index) => ({
    size: String(bytes),
    model: 'QEMU HARDDISK',
    device_name: `/dev/${deviceName(index)}`,
    name: deviceName(index),
    serial: `drive-${slot}`,
    type: 'SSD',
    bus_path: `/pci0000:00/virtio/scsi/${slot}`,
    system_disk: slot === 'scsi0',
    subsystem: '/sys/class/block',
  }));
  return { messages: [{ disks: list }] };
}

interface EventsRequest {
  tail_events: number;
  tail_id: string;
  tail_seconds: number;
  with_actor_id: string;
}

/** An empty event first: clients take it for the sign that the stream has begun. */
async function events(guest: Guest, request: EventsRequest, send: Send, { signal }: CallContext): Promise<void> {
  await send({ actor_id: request.with_actor_id });
  const tail = {
    events: request.tail_events,
    id: request.tail_id,
    seconds: request.tail_seconds,
    actorId: request.with_actor_id,
  };
  const queue = new SendQueue(send);
  const stop = guest.boot!.log.watch(tail, ({ id, actorId, typeUrl, value }) =>
    queue.add({ data: { type_url: typeUrl, value }, id, actor_id: actorId }),
  );
  await queue.until(signal).finally(stop);
}

async function read(guest: Guest, { path }: { path: string }, send: Send): Promise<void> {
  if (path !== BOOT_ID) throw notFound(`stat ${path}: no such file or directory`);
  await send({ bytes: Buffer.from(`${guest.boot!.id}\n`) });
}
