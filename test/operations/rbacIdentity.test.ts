import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mock } from 'node:test';
import { identityFrom } from '../../operations/src/clients/identity';
import { KubernetesClient } from '../../operations/src/clients/kubernetes';
import { join as joinNode, leave } from '../../operations/src/index';
import { expectStop } from './support/expectStop';
import { VirtualClock } from './support/virtualClock';
import { World } from './support/world';

describe('Kubernetes identity of the steps (R001-4)', () => {
  let root: string;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'prox-ops-identity-'));
  });

  afterEach(() => {
    rmSync(root, { recursive: true, force: true });
  });

  it('none is asked for: the administrator’s', () => {
    assert.equal(identityFrom({}), undefined);
    assert.equal(identityFrom({ KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT: '443' }), undefined);
  });

  it('a kubeconfig by its path; one that is not there is named', () => {
    const path = join(root, 'config');
    writeFileSync(path, 'kind: Config\n', { mode: 0o600 });
    assert.equal(identityFrom({ PROX_OPS_KUBECONFIG: path }), 'kind: Config\n');
    assert.throws(
      () => identityFrom({ PROX_OPS_KUBECONFIG: '/nowhere/config' }),
      /PROX_OPS_KUBECONFIG: expected the path of a kubeconfig or in-cluster, found \/nowhere\/config/,
    );
  });

  it('in-cluster outside of a pod is refused', () => {
    assert.throws(() => identityFrom({ PROX_OPS_KUBECONFIG: 'in-cluster' }), /expected to run in a pod/);
  });

  it('in-cluster: the pod’s token is read again when it was renewed', async () => {
    const seen: (string | undefined)[] = [];
    const server: Server = createServer((request, response) => {
      seen.push(request.headers.authorization);
      response.end('{"metadata":{"name":"w1"}}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const folder = join(root, 'var/run/secrets/kubernetes.io/serviceaccount');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'ca.crt'), '');
    const env = { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: String(port) };
    const text = identityFrom({ ...env, PROX_OPS_KUBECONFIG: 'in-cluster' }, root) ?? assert.fail();
    assert.match(text, /"server":"https:/);
    const plain = text.replace('"server":"https:', '"insecure-skip-tls-verify":true,"server":"http:');
    const clock = new VirtualClock();
    // @kubernetes/client-node looks at the wall clock.
    mock.timers.enable({ apis: ['Date'] });
    try {
      const client = new KubernetesClient(plain, clock);
      for (const token of ['first', 'second']) {
        writeFileSync(join(folder, 'token'), token);
        await clock.run(client.get('/api/v1/nodes/w1'));
        await clock.pass(61_000);
        mock.timers.tick(61_000);
      }
    } finally {
      mock.timers.reset();
      server.closeAllConnections();
      server.close();
    }
    assert.deepEqual(seen, ['Bearer first', 'Bearer second']);
  });

  describe('leads to the cluster that is meant', () => {
    let world: World;

    beforeEach(() => {
      world = new World();
      world.givenIdentity = true;
    });

    const leaveTurn = (node: string): Promise<void> => {
      const run = world.run('run-1');
      return world.clock.run(leave('turn', world.inputs(node), run.ctx, run.deps));
    };

    it('its own: goes on', async () => {
      await leaveTurn('w1');
      assert.equal(world.lease()?.metadata.annotations['prox-ops.io/node'], 'w1');
    });

    it('one without a control plane of ours: stops before anything is written', async () => {
      for (const name of ['c1', 'c2', 'c3']) world.kubernetes.remove(`/api/v1/nodes/${name}`);
      await expectStop(leaveTurn('w1'), /PROX_OPS_KUBECONFIG leads to to have a control plane at 10\.0\.0\.1/);
      assert.deepEqual(world.kubernetes.writes, []);
    });

    it('one with a namesake on another machine: stops before anything is written', async () => {
      const node = world.node('w1');
      world.kubernetes.put('/api/v1/nodes/w1', { ...node, status: { nodeInfo: { systemUUID: 'other' } } });
      await expectStop(leaveTurn('w1'), /node w1 on the machine .*Found: it runs on other/);
      assert.deepEqual(world.kubernetes.writes, []);
    });

    it('a join that owes nothing writes nothing, and so asks nothing', async () => {
      const run = world.run('run-1');
      await world.clock.run(joinNode('drain', world.inputs('w1'), run.ctx, run.deps));
      assert.deepEqual(world.kubernetes.writes, []);
    });
  });
});
