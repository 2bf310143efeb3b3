import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { removeStaleImage } from '../../../operations/src/actions/staleImage';
import { assertIdIsFree, assertWhole, type GuardedVm } from '../../../operations/src/actions/vmGuard';

const NODE: GuardedVm = {
  vmId: 8004,
  name: 'k8s-work-1',
  host: 'thor',
  template: false,
  disks: [
    { interface: 'scsi0', size: 100 },
    { interface: 'scsi1', size: 200 },
  ],
  uuid: 'aaaaaaaa-0000-8000-8000-000000000001',
};
const WHOLE = {
  name: 'k8s-work-1',
  smbios1: 'base64=1,uuid=AAAAAAAA-0000-8000-8000-000000000001',
  scsi0: 'vms-ceph:vm-8004-disk-0,size=100G',
  scsi1: 'local-lvm:vm-8004-disk-0,size=204804M',
};

describe('operations: the looks before a VM is made or changed', () => {
  let server: Server;
  let access: { endpoint: string; token: string };
  let rows: object[];
  let config: Record<string, unknown>;
  let files: string[];
  let asked: string[];

  before(async () => {
    server = createServer((request, response) => {
      const { method = '', url = '' } = request;
      asked.push(`${method} ${url}`);
      const path = url.replace('/api2/json', '');
      const taken = rows.length > 0 || config['hidden'] === true;
      const answer = (status: number, data: unknown): void => {
        response.writeHead(status).end(JSON.stringify({ data }));
      };
      if (path.startsWith('/cluster/nextid')) return taken ? answer(400, null) : answer(200, '8004');
      if (path.startsWith('/cluster/resources')) return answer(200, rows);
      if (path.endsWith('/config')) return answer(200, config);
      if (method === 'DELETE') {
        files = [];
        return answer(200, 'UPID:thor:00000001:00000001:00000001:imgdel:x:root@pam:');
      }
      if (path.includes('/tasks/')) return answer(200, { status: 'stopped', exitstatus: 'OK' });
      return answer(
        200,
        files.map((volid) => ({ volid })),
      );
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    access = { endpoint: `http://127.0.0.1:${port}`, token: 'a@pve!b=c' };
  });

  beforeEach(() => {
    [rows, config, files, asked] = [[], {}, [], []];
  });

  after(() => {
    server.closeAllConnections();
    server.close();
  });

  it('a free id is free', async () => {
    await assertIdIsFree(access, NODE);
  });

  it("an id that a foreign machine has is refused by the machine's name, and nothing is written", async () => {
    rows = [{ vmid: 8004, name: 'accounting-db', node: 'odin', type: 'lxc', status: 'running' }];
    await assert.rejects(
      assertIdIsFree(access, NODE),
      /VM id 8004: expected it to be free for k8s-work-1, found accounting-db \(lxc, running\) on odin\. It was not touched/,
    );
    assert.ok(asked.every((request) => request.startsWith('GET ')));
  });

  it('an id that is taken by what the token may not see is not free', async () => {
    config = { hidden: true };
    await assert.rejects(assertIdIsFree(access, NODE), /a machine that the API token may not see/);
  });

  it('our own name under the id points to a killed run', async () => {
    rows = [{ vmid: 8004, name: 'k8s-work-1', node: 'thor', type: 'qemu' }];
    await assert.rejects(assertIdIsFree(access, NODE), /half made: npx prox-ops roll/);
  });

  it('a Proxmox that does not answer is no free id', async () => {
    await assert.rejects(assertIdIsFree({ ...access, endpoint: 'http://127.0.0.1:1' }, NODE), /did not answer/);
  });

  it('a VM that has all that its creation was to give it may be changed', async () => {
    rows = [{ vmid: 8004, name: 'k8s-work-1', node: 'thor', type: 'qemu' }];
    config = WHOLE;
    await assertWhole(access, NODE, 'urn:vm');
  });

  it('a clone that was never configured, or lacks a disk or its size, is not changed and not started', async () => {
    rows = [{ vmid: 8004, name: 'k8s-work-1', node: 'thor', type: 'qemu' }];
    config = { scsi0: 'vms-ceph:vm-8004-disk-0,size=10G', smbios1: 'uuid=bbbbbbbb-0000-4000-8000-000000000002' };
    await assert.rejects(assertWhole(access, NODE, 'urn:vm'), (error: Error) => {
      assert.match(error.message, /expected the UUID aaaaaaaa.*, found bbbbbbbb/);
      assert.match(error.message, /expected scsi0 of 100 GiB, found 10 GiB/);
      assert.match(error.message, /expected the disk scsi1, found none/);
      assert.match(error.message, /pulumi up --replace 'urn:vm'/);
      return true;
    });
  });

  it('a template that never became one is told', async () => {
    rows = [{ vmid: 8004, name: 'talos', node: 'thor', type: 'qemu' }];
    config = { scsi0: 'vms-ceph:base-9000-disk-0,size=100G', template: 0 };
    const { vmId, name, host } = NODE;
    const template = { vmId, name, host, template: true, disks: NODE.disks.slice(0, 1) };
    await assert.rejects(assertWhole(access, template, 'urn:t'), /expected a template, found a machine/);
    config = { ...config, template: 1 };
    await assertWhole(access, template, 'urn:t');
  });

  it('an image that the state has lost is removed, to the end, before it is downloaded again', async () => {
    const image = { host: 'thor', storage: 'local', file: 'talos-v1.11.3-abc.raw' };
    files = ['local:import/other.raw'];
    await removeStaleImage(access, image);
    assert.ok(!asked.some((request) => request.startsWith('DELETE')));
    files = ['local:import/talos-v1.11.3-abc.raw'];
    await removeStaleImage(access, image);
    const [removed, awaited] = asked.slice(-2);
    assert.match(removed ?? '', /DELETE .*\/content\/local%3Aimport%2Ftalos-v1\.11\.3-abc\.raw$/);
    assert.match(awaited ?? '', /GET .*\/tasks\//);
  });
});
