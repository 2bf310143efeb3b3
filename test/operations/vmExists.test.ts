import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { vmExists } from '../../operations/src/actions/halfMadeVm';

type Answers = Record<string, { status?: number; data?: unknown }>;

/** Asks for VM 8001 named k8s-work-1 against a Proxmox that gives these answers. */
async function asked(answers: Answers): Promise<boolean> {
  const server = createServer((request, response) => {
    const path = (request.url ?? '').replace('/api2/json', '').split('?')[0] ?? '';
    const { status = 200, data } = answers[path] ?? { status: 404 };
    response.writeHead(status).end(JSON.stringify({ data }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  try {
    return await vmExists({ endpoint: `http://127.0.0.1:${port}`, token: 'a@b!c=d', vmId: 8001, name: 'k8s-work-1' });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const ROW = { vmid: 8001, type: 'qemu', node: 'thor' };

describe('operations: whether a VM is gone', () => {
  it('is there when its host says so', async () => {
    assert.equal(
      await asked({
        '/cluster/resources': { data: [ROW] },
        '/nodes/thor/qemu/8001/config': { data: { name: 'k8s-work-1' } },
      }),
      true,
    );
  });

  it('is gone when the cluster lists it no more', async () => {
    assert.equal(await asked({ '/cluster/resources': { data: [] } }), false);
  });

  it('is not gone because its host is offline, and the listing then without its name', async () => {
    await assert.rejects(
      asked({ '/cluster/resources': { data: [ROW] }, '/nodes/thor/qemu/8001/config': { status: 500 } }),
      /Proxmox GET/,
    );
  });
});
