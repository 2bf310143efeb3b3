import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { createAuthority, issue, type Authority } from '../../../lab/world/certificates';
import { realClock, verifyChecks, type CheckContext, type ExpectedCluster } from '../../../operations/src/index';
import { World } from '../support/world';

const HOST = '127.0.0.1';

/** Checks that go out and knock, against servers of the test's own. */
describe('R002-6 verification from outside', () => {
  const servers: { close: () => unknown }[] = [];
  let world: World;
  let expected: ExpectedCluster;

  beforeEach(() => {
    world = new World();
    expected = {
      nodes: [],
      endpoint: `https://${HOST}:1`,
      snapshotDirectory: '',
      certificates: [],
      authorities: { kubernetes: '', talos: '' },
    };
  });

  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });

  const look = async (id: string, proxmoxEndpoint = ''): Promise<string> => {
    const { settings, access } = world.inputs('w1');
    const { kubernetes, talos, proxmox } = world;
    const session = { kubernetes, talos, proxmox };
    const context: CheckContext = { session, access: { ...access, proxmoxEndpoint }, settings, clock: realClock };
    // These two ask neither machines nor VMs.
    const none = {} as Parameters<typeof verifyChecks>[1];
    const check = verifyChecks(expected, none).find((candidate) => candidate.id === id) ?? assert.fail(id);
    const result = await check.run(context);
    if (result.outcome === 'skipped') return `skipped: ${result.why}`;
    return `${result.outcome}: ${result.found}`;
  };

  async function listening(server: Server | ReturnType<typeof createTlsServer>): Promise<number> {
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
    return (server.address() as AddressInfo).port;
  }

  describe('ingress', () => {
    const path = '/apis/networking.k8s.io/v1/namespaces/shop/ingresses';
    const ingress = (name: string, port: number, status?: object): void =>
      world.kubernetes.put(`${path}/${name}`, {
        metadata: { namespace: 'shop' },
        spec: { rules: [{ host: `${name}.example.net`, http: { paths: [{ path: '/' }] } }] },
        status: status ?? { loadBalancer: { ingress: [{ ip: HOST, ports: [{ port }] }] } },
      });

    it('is left out where there is none', async () =>
      assert.equal(await look('ingress'), 'skipped: no Ingress and no Gateway'));

    it('whatever the workload of the host answers is an answer; a 503, a refusal and no address are none', async () => {
      const hosts: string[] = [];
      const port = await listening(
        createServer((request, response) => {
          hosts.push(request.headers.host ?? '');
          response.writeHead(request.headers.host === 'down.example.net' ? 503 : 404).end();
        }),
      );
      ingress('web', port);
      assert.equal(await look('ingress'), 'pass: 1 reachable');
      assert.deepEqual(hosts, ['web.example.net']);
      ingress('down', port);
      ingress('none', 0, {});
      ingress('shut', 1);
      const found = await look('ingress');
      assert.match(found, /Ingress shop\/down: down\.example\.net\/ at 127\.0\.0\.1:\d+: answers 503/);
      assert.match(found, /Ingress shop\/none: no address/);
      assert.match(found, /Ingress shop\/shut: .*ECONNREFUSED/);
    });

    it('a Gateway listens on each of its ports', async () => {
      const port = await listening(createServer());
      const gateways = '/apis/gateway.networking.k8s.io/v1/namespaces/shop/gateways';
      const listeners = [{ name: 'http', port, protocol: 'HTTP' }];
      const put = (): void =>
        world.kubernetes.put(`${gateways}/public`, {
          metadata: { namespace: 'shop' },
          spec: { listeners },
          status: { addresses: [{ value: HOST }] },
        });
      put();
      assert.equal(await look('ingress'), 'pass: 1 reachable');
      listeners.push({ name: 'https', port: 1, protocol: 'HTTPS' });
      put();
      assert.match(
        await look('ingress'),
        /^fail: Gateway shop\/public: listener https at 127\.0\.0\.1:1: .*ECONNREFUSED/,
      );
    });
  });

  describe('certificates', () => {
    let ours: Authority;
    let others: Authority;

    before(async () => {
      ours = await createAuthority({ commonName: 'ours', algorithm: 'ecdsa' });
      others = await createAuthority({ commonName: 'others', algorithm: 'ecdsa' });
    });

    /** A server with a certificate of so many days. */
    async function serving(authority: Authority, days: number): Promise<number> {
      const { crt, key } = await issue(authority, { commonName: 'api', ips: [HOST], days });
      return listening(createTlsServer({ cert: crt, key }));
    }

    const held = async (what: string, days: number): Promise<void> => {
      const { crt } = await issue(ours, { commonName: 'admin', client: true, days });
      expected.certificates.push({ what, pem: crt });
    };

    it('are those of the right authority and valid for long enough; the next to end is told', async () => {
      expected.authorities.kubernetes = ours.crt;
      expected.endpoint = `https://${HOST}:${await serving(ours, 300)}`;
      const proxmox = `https://${HOST}:${await serving(others, 200)}`;
      await held('kubeconfig', 100);
      assert.equal(await look('certificates', proxmox), 'pass: 3 valid; the next to end: kubeconfig, in 100 d');
    });

    it('soon to end, ended, of another authority, of a server that is not there', async () => {
      expected.authorities.kubernetes = ours.crt;
      expected.endpoint = `https://${HOST}:${await serving(others, 300)}`;
      await held('kubeconfig', 10);
      await held('talosconfig', -5);
      const found = await look('certificates', `https://${HOST}:1`);
      assert.match(found, /kubeconfig: ends in 10 d, expected at least 30 d/);
      assert.match(found, /talosconfig: expired 5 d ago/);
      assert.match(found, /Kubernetes API: not vouched for by the cluster's authority: /);
      assert.match(found, /Proxmox: .*ECONNREFUSED/);
    });
  });
});
