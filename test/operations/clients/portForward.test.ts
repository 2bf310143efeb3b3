import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { KubernetesClient } from '../../../operations/src/clients/kubernetes';
import { LinstorClient } from '../../../operations/src/clients/linstor';
import { forwardTransport } from '../../../operations/src/clients/linstorForward';
import { LinstorUnreachable } from '../../../operations/src/index';
import { VirtualClock } from '../support/virtualClock';

interface Channel {
  on(event: 'message', listener: (data: Buffer) => void): void;
  on(event: 'close', listener: () => void): void;
  send(data: Buffer): void;
  close(): void;
}
// The package has no types; @kubernetes/client-node brings it.
// eslint-disable-next-line @typescript-eslint/no-require-imports
const { WebSocketServer } = require('ws') as {
  WebSocketServer: new (options: object) => {
    on(event: 'connection', listener: (socket: Channel) => void): void;
    close(): void;
  };
};

const ACCESS = { namespace: 'piraeus', selector: 'app=linstor' };

describe('LINSTOR through the API server', () => {
  let controller: Server;
  let api: Server;
  let sockets: { close(): void };
  let pods: object[];
  let forwarded: string[];
  let refuse = '';
  const open = new Set<Socket>();

  beforeEach(async () => {
    refuse = '';
    forwarded = [];
    pods = [pod('linstor-0', true)];
    controller = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => (body += chunk));
      // Large enough for several frames.
      const nodes = Array.from({ length: 2000 }, (_, index) => ({ name: `node-${index}`, type: 'SATELLITE' }));
      request.on('end', () =>
        response.end(JSON.stringify(request.method === 'GET' ? nodes : [{ ret_code: 1, message: body }])),
      );
    });
    await listen(controller);
    api = createServer((_request, response) => response.end(JSON.stringify({ items: pods })));
    const server = new WebSocketServer({
      noServer: true,
      handleProtocols: () => 'v4.channel.k8s.io',
    }) as unknown as UpgradeServer;
    sockets = server;
    api.on('upgrade', (request, socket, head) => {
      open.add(socket as Socket);
      forwarded.push(request.url ?? '');
      server.handleUpgrade(request, socket, head, (channel) => bridge(channel));
    });
    await listen(api);
  });

  afterEach(async () => {
    sockets.close();
    for (const socket of open) socket.destroy();
    for (const server of [controller, api]) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });

  /** What the kubelet does: both streams begin with the port's number. */
  const bridge = (channel: Channel): void => {
    channel.send(Buffer.from([0, 0x2a, 0x0d]));
    channel.send(Buffer.from([1, 0x2a, 0x0d]));
    if (refuse) return channel.send(Buffer.concat([Buffer.from([1]), Buffer.from(refuse)]));
    const socket = connect((controller.address() as AddressInfo).port, '127.0.0.1');
    open.add(socket);
    socket.on('data', (data) => channel.send(Buffer.concat([Buffer.from([0]), data])));
    socket.on('close', () => channel.close());
    channel.on('message', (data) => data[0] === 0 && socket.write(data.subarray(1)));
    channel.on('close', () => socket.destroy());
  };

  const client = (): LinstorClient => {
    const server = `http://127.0.0.1:${(api.address() as AddressInfo).port}`;
    const config = {
      'current-context': 'test',
      clusters: [{ name: 'test', cluster: { server, 'insecure-skip-tls-verify': true } }],
      users: [{ name: 'test', user: { token: 't' } }],
      contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    };
    return new LinstorClient(
      forwardTransport(new KubernetesClient(JSON.stringify(config), new VirtualClock(), 0), ACCESS),
    );
  };

  it('reads and writes through the controller’s pod, opening no port on this machine', async () => {
    const linstor = client();
    assert.equal((await linstor.nodes()).length, 2000);
    assert.equal((await linstor.restore('w1'))[0]?.message, '{}');
    assert.deepEqual(forwarded, Array(2).fill('/api/v1/namespaces/piraeus/pods/linstor-0/portforward?ports=3370'));
  });

  it('looks for the pod at every connection: a drain may have moved it', async () => {
    const linstor = client();
    await linstor.nodes();
    pods = [
      pod('linstor-0', true, { deletionTimestamp: '2026-01-01T00:00:00Z' }),
      pod('linstor-1', false),
      pod('linstor-2', true),
    ];
    await linstor.nodes();
    assert.match(forwarded[1] ?? '', /linstor-2/);
  });

  it('no Ready pod is unreachable, naming what was found', async () => {
    pods = [pod('linstor-1', false)];
    await assert.rejects(
      client().nodes(),
      (error) => error instanceof LinstorUnreachable && /found: linstor-1/.test(error.message),
    );
  });

  it('a pod in which nothing listens is unreachable, in the kubelet’s words', async () => {
    refuse = 'an error occurred forwarding 3370: connection refused';
    await assert.rejects(
      client().nodes(),
      (error) => error instanceof LinstorUnreachable && /connection refused/.test(error.message),
    );
  });
});

interface UpgradeServer {
  handleUpgrade(request: unknown, socket: unknown, head: unknown, done: (channel: Channel) => void): void;
  close(): void;
}

function pod(name: string, ready: boolean, metadata: object = {}): object {
  return {
    metadata: { name, ...metadata },
    status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  };
}

async function listen(server: Server): Promise<void> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
}
