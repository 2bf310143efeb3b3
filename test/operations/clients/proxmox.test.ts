import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ProxmoxClient } from '../../../operations/src/clients/proxmox';

const TOKEN = 'root@pam!ops=12345678-aaaa-bbbb-cccc-123456789012';

describe('Proxmox client', () => {
  let server: Server;
  let client: ProxmoxClient;
  let handle: (request: IncomingMessage, response: ServerResponse) => void;

  beforeEach(async () => {
    server = createServer((request, response) => handle(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    client = new ProxmoxClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, TOKEN, 200);
  });

  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const answers = (paths: Record<string, unknown>): void => {
    handle = (request, response) => {
      assert.equal(request.headers.authorization, `PVEAPIToken=${TOKEN}`);
      const data = paths[request.url ?? ''];
      if (data === undefined)
        response.writeHead(500, "Configuration file 'nodes/pve1/qemu-server/1.conf' does not exist").end();
      else response.writeHead(200).end(JSON.stringify({ data }));
    };
  };
  const RESOURCES = '/api2/json/cluster/resources?type=vm';

  it('reads where a VM is, its name and its UUID', async () => {
    answers({
      [RESOURCES]: [{ vmid: 8011, node: 'pve1', type: 'qemu', name: 'w1' }],
      '/api2/json/nodes/pve1/qemu/8011/config': {
        name: 'w1',
        smbios1: 'base64=1,serial=eA==,uuid=ABCDEF00-0000-4000-8000-000000000000',
      },
    });
    assert.deepEqual(await client.vm(8011), {
      vmid: 8011,
      name: 'w1',
      host: 'pve1',
      uuid: 'abcdef00-0000-4000-8000-000000000000',
    });
  });

  it('a VM that nobody lists is not there; a container with that id is no VM', async () => {
    answers({ [RESOURCES]: [{ vmid: 8011, node: 'pve1', type: 'lxc' }] });
    assert.equal(await client.vm(8011), undefined);
  });

  it('a VM whose host does not answer is not known to be gone', async () => {
    answers({ [RESOURCES]: [{ vmid: 8011, node: 'pve1', type: 'qemu' }] });
    await assert.rejects(client.vm(8011), /500 Configuration file .* does not exist/);
    handle = (_request, response) => response.writeHead(595, 'No route to host').end();
    await assert.rejects(client.vm(8011), /595 No route to host/);
  });

  it('says whether a host is online', async () => {
    answers({
      '/api2/json/nodes': [
        { node: 'pve1', status: 'online' },
        { node: 'pve2', status: 'offline' },
      ],
    });
    assert.deepEqual(
      [await client.hostOnline('pve1'), await client.hostOnline('pve2'), await client.hostOnline('pve3')],
      [true, false, false],
    );
  });

  it('null where data belongs is no answer, and neither is silence; the token is in no message', async () => {
    answers({ [RESOURCES]: null });
    await assert.rejects(client.vm(1), /expected data, found none/);
    handle = () => undefined;
    await assert.rejects(
      client.vm(1),
      (error: Error) => /did not answer/.test(error.message) && !error.message.includes('12345678'),
    );
  });

  it('a dropped connection is tried again', async () => {
    let drops = 2;
    answers({ '/api2/json/nodes': [{ node: 'pve1', status: 'online' }] });
    const serve = handle;
    handle = (request, response) => (drops-- > 0 ? void request.socket.destroy() : serve(request, response));
    assert.equal(await client.hostOnline('pve1'), true);
  });
});
