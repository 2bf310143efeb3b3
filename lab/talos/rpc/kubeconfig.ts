import { createGzip } from 'node:zlib';
import { buffer } from 'node:stream/consumers';
import { pack } from 'tar-stream';
import type { Methods } from './call.js';
import { unimplemented } from './status.js';

/** The administrator's kubeconfig, as the archive in which files are copied off a machine. */
export const kubeconfigMethods: Methods = {
  unary: {},
  streaming: {
    '/machine.MachineService/Kubeconfig': async (guest, _: object, send) => {
      const role = guest.boot!.configuration?.role;
      if (!role) throw unimplemented('machine type is not set, cannot use kubeconfig API');
      if (role === 'worker') throw unimplemented('kubeconfig is only available on control plane nodes');
      await send({ bytes: await archive(await guest.boot!.fleet.kubernetes.adminKubeconfig()) });
    },
  },
};

async function archive(kubeconfig: string): Promise<Buffer> {
  const tar = pack();
  tar.entry({ name: 'kubeconfig', mode: 0o600 }, kubeconfig);
  tar.finalize();
  return buffer(tar.pipe(createGzip()));
}
