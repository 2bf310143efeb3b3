import { preflight } from '../factory/preflight.js';
import { ImageError } from '../factory/image-factory.js';
import type { Guest } from '../guest.js';
import type { CallContext, Methods, Send } from './call.js';
import { RpcError, failedPrecondition, invalidArgument, notFound } from './status.js';

/** What the installer container exits with when its checks refuse the upgrade. */
const REFUSED = 1;

/** Pulling and installing another Talos beside the running one. Both change nothing until the next reboot. */
export const lifecycleMethods: Methods = {
  unary: {
    // Before 1.13 there is no other way; afterwards it is deprecated.
    '/machine.MachineService/ImagePull': pullAsBefore,
  },
  streaming: {
    '/machine.ImageService/Pull': pull,
    '/machine.LifecycleService/Upgrade': upgrade,
  },
};

function pullAsBefore(guest: Guest, { namespace, reference }: { namespace: string; reference: string }): object {
  if (namespace === 'NS_UNKNOWN') throw invalidArgument('invalid namespace NS_UNKNOWN');
  assertExists(guest, reference);
  return { messages: [{}] };
}

/** @throws RpcError NotFound. */
function assertExists(guest: Guest, image: string): void {
  try {
    guest.boot!.fleet.images.resolveInstaller(image);
  } catch (error) {
    if (error instanceof ImageError)
      throw notFound(`error pulling image: failed to pull image "${image}": ${error.message}`);
    throw error;
  }
}

interface PullRequest {
  containerd: object | null;
  image_ref: string;
}

async function pull(guest: Guest, { containerd, image_ref: image }: PullRequest, send: Send): Promise<void> {
  if (!containerd) throw invalidArgument('containerd instance is required');
  assertExists(guest, image);
  const elapsed = { seconds: '0', nanos: 0 };
  for (const status of ['DOWNLOADING', 'DOWNLOAD_COMPLETE', 'EXTRACTING', 'EXTRACT_COMPLETE']) {
    await send({ pull_progress: { layer_id: 'installer', progress: { status, elapsed, offset: '1', total: '1' } } });
  }
  await send({ name: image });
}

/** Machines on which an installation runs at the moment. */
const installing = new WeakSet<Guest>();

interface UpgradeRequest {
  source: { image_name: string } | null;
}

async function upgrade(guest: Guest, { source }: UpgradeRequest, send: Send, { signal }: CallContext): Promise<void> {
  if (installing.has(guest)) throw failedPrecondition('another installation/upgrade is already in progress');
  const image = source?.image_name ?? '';
  if (image === '') throw invalidArgument('installer image name is required');
  installing.add(guest);
  try {
    await install(guest, image, (progress) => send({ progress }), signal);
  } finally {
    installing.delete(guest);
  }
}

async function install(
  guest: Guest,
  image: string,
  send: (progress: object) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const { fleet, disk, system } = guest.boot!;
  const target = preflight(fleet.images, system.version, image);
  await send({ message: `running Talos installer ${'version' in target ? target.version : ''}` });
  if ('refused' in target) {
    if (!fleet.images.knowsInstaller(image)) throw new RpcError(13, `upgrade failed: ${target.refused}`);
    await send({ message: `pre-flight checks failed: ${target.refused}` });
    return send({ exit_code: REFUSED });
  }
  await fleet.world.clock.delay(fleet.world.durations.install, signal);
  disk.install(target);
  await send({ message: 'installation of the new system is complete' });
  await send({ exit_code: 0 });
}
