import assert from 'node:assert/strict';
import { Site } from './site.js';

describe('talos: a cluster driven by the real talosctl', () => {
  let site: Site;
  before(async () => {
    site = await Site.open();
    await site.cluster();
  });
  after(() => site.close());

  it('try', async () => {
    for (const args of [
      ['version', '-n', site.address(1), '-n', site.address(4)],
      ['etcd', 'members', '-n', site.address(1)],
      ['etcd', 'status', '-n', `${site.address(1)},${site.address(2)}`],
      ['etcd', 'snapshot', site.file('snap.db'), '-n', site.address(1)],
      ['service', '-n', site.address(4)],
      ['service', 'kubelet', '-n', site.address(4)],
      ['get', 'machinestatus', '-n', `${site.address(1)},${site.address(4)}`],
      ['get', 'machinestatus', '-o', 'json', '-n', site.address(4)],
      ['get', 'extensions', '-n', site.address(4)],
      ['get', 'links', '-n', site.address(4)],
      ['get', 'addresses', '-n', site.address(4)],
      ['get', 'members', '-n', site.address(4)],
      ['get', 'hostname', '-n', site.address(4)],
      ['get', 'nodename', '-n', site.address(4)],
      ['get', 'systeminformation', '-n', site.address(4)],
      ['get', 'disks', '-n', site.address(4)],
      ['get', 'volumestatus', '-n', site.address(4)],
      ['get', 'rd', '-n', site.address(4)],
      ['kubeconfig', '-n', site.address(1), '-', '--merge=false'],
      ['health', '-n', site.address(1)],
      ['events', '-n', site.address(1), '--tail', '-1', '--duration', '1h'],
    ]) {
      const t = Date.now();
      const ran =
        args[0] === 'events'
          ? await Promise.race([site.run(...args), new Promise<any>((r) => setTimeout(() => r({}), 700))])
          : await site.run(...args);
      console.log(`$ ${args.join(' ')} -> ${ran.code} ${Date.now() - t} ms\n${ran.stdout}${ran.stderr}`);
    }
  });
});
