import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { KubernetesClient } from '../../../operations/src/clients/kubernetes';
import { KubernetesError, KubernetesUnreachable } from '../../../operations/src/index';
import { VirtualClock } from '../support/virtualClock';

const LEASE = '/apis/coordination.k8s.io/v1/namespaces/a/leases/prox-ops-rollout';

type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void;

describe('Kubernetes client', () => {
  let server: Server;
  let client: KubernetesClient;
  let clock: VirtualClock;
  let handle: Handler;
  const sockets = new Set<Socket>();

  beforeEach(async () => {
    server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => (body += chunk));
      request.on('end', () => handle(request, response, body));
    });
    server.on('connection', (socket) => sockets.add(socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    clock = new VirtualClock();
    client = new KubernetesClient(kubeconfig(`http://127.0.0.1:${(server.address() as AddressInfo).port}`), clock);
  });

  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });

  const answer = (response: ServerResponse, status: number, body: object): void => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };

  it('reads, with its token, and tells an absent object from an error', async () => {
    const seen: string[] = [];
    handle = (request, response) => {
      seen.push(`${request.method} ${request.url} ${request.headers.authorization}`);
      if (request.url === '/api/v1/nodes/w1') return answer(response, 200, { metadata: { name: 'w1' } });
      answer(response, 404, { kind: 'Status', reason: 'NotFound', message: 'nodes "w2" not found' });
    };
    assert.deepEqual(await client.get('/api/v1/nodes/w1'), { metadata: { name: 'w1' } });
    assert.equal(await client.get('/api/v1/nodes/w2'), undefined);
    assert.equal(await client.list('/apis/ceph.rook.io/v1/cephclusters'), undefined);
    assert.equal(seen[0], 'GET /api/v1/nodes/w1 Bearer token-of-the-test');
  });

  it('lists with selectors; an empty list is a list', async () => {
    handle = (request, response) => {
      assert.equal(request.url, '/api/v1/pods?fieldSelector=spec.nodeName%3Dw1');
      answer(response, 200, { items: null });
    };
    assert.deepEqual(await client.list('/api/v1/pods', { fieldSelector: 'spec.nodeName=w1' }), []);
  });

  it('patches as JSON merge patch', async () => {
    handle = (request, response, body) => {
      assert.equal(request.headers['content-type'], 'application/merge-patch+json');
      assert.deepEqual(JSON.parse(body), { spec: { unschedulable: null } });
      answer(response, 200, {});
    };
    await client.patch('/api/v1/nodes/w1', { spec: { unschedulable: null } });
  });

  it('a refused eviction is an answer, told with the budget that refuses it', async () => {
    let requests = 0;
    handle = (_request, response) => {
      requests += 1;
      const details = {
        causes: [{ reason: 'DisruptionBudget', message: 'The disruption budget web needs 2 healthy pods' }],
      };
      answer(response, 429, { reason: 'TooManyRequests', message: 'Cannot evict pod.', details });
    };
    const evicting = client.create('/api/v1/namespaces/a/pods/b/eviction', {});
    await assert.rejects(evicting, (error) => {
      assert.ok(error instanceof KubernetesError);
      assert.equal(error.status, 429);
      assert.match(error.explanation, /Cannot evict pod\. The disruption budget web needs 2/);
      return true;
    });
    assert.equal(requests, 1);
  });

  it('an overloaded server, and one whose etcd has no leader, are asked again', async () => {
    const answers = [
      [429, { message: 'too many requests' }],
      [500, { message: 'etcdserver: leader changed' }],
      [503, { message: 'not ready' }],
      [200, { ok: true }],
    ] as [number, object][];
    const at = (index: number): [number, object] => answers[index] ?? [500, {}];
    let requests = 0;
    handle = (_request, response) => answer(response, ...at(requests++));
    assert.deepEqual(await clock.run(client.replace(LEASE, {})), { ok: true });
    assert.equal(requests, 4);
  });

  it('a conflict, and any other error of a write, is told at once', async () => {
    handle = (_request, response) => answer(response, 409, { reason: 'Conflict', message: 'modified' });
    await assert.rejects(client.replace(LEASE, {}), /PUT \S+prox-ops-rollout: 409 modified/);
    handle = (_request, response) => answer(response, 500, { message: 'webhook failed' });
    await assert.rejects(client.create('/apis/coordination.k8s.io/v1/namespaces/a/leases', {}), /500 webhook failed/);
  });

  it('connections that break are opened again, for a while', async () => {
    let cuts = 3;
    handle = (request, response) => {
      if (cuts-- > 0) return void request.socket.destroy();
      answer(response, 200, { metadata: { name: 'x' } });
    };
    assert.ok(await clock.run(client.get('/api/v1/nodes/x')));
    cuts = Infinity;
    const before = clock.now();
    await assert.rejects(clock.run(client.get('/api/v1/nodes/x')), KubernetesUnreachable);
    assert.ok(clock.now() - before <= 40_000);
  });

  it('a watch calls for every event but bookmarks, and ends when the server ends it', async () => {
    handle = (request, response) => {
      assert.match(request.url ?? '', /watch=true/);
      const events = ['ADDED', 'BOOKMARK', 'MODIFIED'].map((type) => JSON.stringify({ type, object: {} }));
      response.writeHead(200).end(`${events.join('\n')}\n`);
    };
    let changes = 0;
    await client.watch('/api/v1/pods', {}, () => void changes++, new AbortController().signal);
    assert.equal(changes, 2);
  });

  it('a watch that nobody needs any more closes its connection', async () => {
    const stop = new AbortController();
    const closed = new Promise<void>((resolve) => {
      handle = (request, response) => {
        request.socket.on('close', () => resolve());
        response.writeHead(200).write('\n');
        setImmediate(() => stop.abort());
      };
    });
    await client.watch('/api/v1/pods', {}, () => undefined, stop.signal);
    await closed;
  });

  it('a watch that is refused just ends: the look beside it says what is wrong', async () => {
    handle = (_request, response) => answer(response, 403, { message: 'forbidden' });
    await client.watch('/api/v1/pods', {}, () => assert.fail(), new AbortController().signal);
  });
});

function kubeconfig(server: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    clusters: [{ name: 'test', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'test', user: { token: 'token-of-the-test' } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
  });
}
