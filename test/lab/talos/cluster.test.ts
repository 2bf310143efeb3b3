import assert from 'node:assert/strict';
import { applying } from './applying.js';
import { routing } from './routing.js';
import { Site, VERSION } from './site.js';
import { testBase } from '../../support/network';

describe('talos: a cluster and the real talosctl', () => {
  let site: Site;
  before(async () => {
    site = await Site.open();
    await site.cluster();
  });
  after(() => site?.close());

  it('tells version, schematic and extensions', async () => {
    const [version, extensions] = await Promise.all([
      site.ok('version', '--json', '-n', site.address(4)),
      site.ok('get', 'extensions', '-o', 'json', '-n', site.address(4)),
    ]);
    assert.match(version.stdout, new RegExp(`"tag":\\s*"${VERSION}"`));
    const found = extensions.stdout.match(/"(name|version)": "[^"]+"/g)?.join(' ');
    assert.match(found ?? '', /"name": "drbd" "version": "9\.2\.\d+-v1\.13\.0"/);
    assert.match(found ?? '', new RegExp(`"name": "schematic" "version": "${site.schematic}"`));
  });

  it('is ready when services, etcd and the Node are, and says what is missing when not', async () => {
    const status = () => site.ok('get', 'machinestatus', '-o', 'jsonpath={.spec}', '-n', site.address(1));
    assert.deepEqual(JSON.parse((await status()).stdout), {
      stage: 'running',
      status: { ready: true, unmetConditions: [] },
    });
    site.kubernetes.unready.add('control-1');
    await site.until('the Node is seen', () => site.fleet.byNode('control-1') !== undefined);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const { status: found } = JSON.parse((await status()).stdout) as { status: { unmetConditions: object[] } };
    site.kubernetes.unready.delete('control-1');
    assert.deepEqual(found.unmetConditions, [{ name: 'nodeReady', reason: 'node "control-1" is not ready' }]);
  });

  it('has the other resources that people and provider look at', async () => {
    const node = ['-n', site.address(4)];
    const expected: Record<string, RegExp> = {
      links: /eth0 .*bc:24:11:00:00:01/,
      addresses: new RegExp(String.raw`eth0/127\.${testBase(103)}\.67\.4/24`),
      members: /control-3 .*controlplane/,
      hostname: /worker-1/,
      nodename: /worker-1/,
      systeminformation: /QEMU/,
      disks: /sdb .*215 GB/,
      volumestatus: /EPHEMERAL .*ready/,
      rd: /machinestatuses\.runtime\.talos\.dev/,
    };
    await Promise.all(
      Object.entries(expected).map(async ([kind, pattern]) =>
        assert.match((await site.ok('get', kind, ...node)).stdout.trim(), pattern, kind),
      ),
    );
    const missing = await site.run('get', 'machinestatus', 'nobody', ...node);
    assert.match(missing.stderr, /code = NotFound/);
  });

  it('hands an administrator the machine configuration', async () => {
    const node = ['-n', site.address(4)];
    const { stdout } = await site.ok('get', 'machineconfig', 'v1alpha1', '-o', 'jsonpath={.spec}', ...node);
    assert.equal(stdout.trim(), site.read('worker-1.yaml').trim());
  });

  it('lists services by role', async () => {
    const [worker, control] = await Promise.all(
      [4, 1].map(async (last) => (await site.ok('service', '-n', site.address(last))).stdout),
    );
    assert.match(worker!, /kubelet +Running +OK/);
    assert.match(worker!, /ext-qemu-guest-agent +Running/);
    assert.doesNotMatch(worker!, /etcd/);
    assert.match(control!, /etcd +Running +OK/);
    assert.match(control!, /trustd +Running/);
  });

  it('restarts the kubelet by request, and none of the services that etcd and the API are', async () => {
    const before = site.kubernetes.nodes.get('worker-1');
    await site.ok('service', 'kubelet', 'restart', '-n', site.address(4));
    await site.until('the kubelet is up again', () => {
      const now = site.kubernetes.nodes.get('worker-1');
      return now !== undefined && now !== before;
    });
    const refused = await site.run('service', 'etcd', 'restart', '-n', site.address(1));
    assert.match(refused.stderr, /service "etcd" doesn't support restart operation via API/);
  });

  it('hands the kubeconfig out, merged or not', async () => {
    const { stdout } = await site.ok('kubeconfig', '-', '--merge=false', '-n', site.address(1));
    assert.match(stdout, /admin@lab/);
    assert.match((await site.run('kubeconfig', '-', '-n', site.address(4))).stderr, /only available on control plane/);
  });

  it('passes the health check that runs on a control plane', async () => {
    const { stderr } = await site.ok('health', '-n', site.address(1), '--wait-timeout', '5s');
    assert.match(stderr, /waiting for all k8s nodes to report ready: OK/);
  });

  it('gave Kubernetes what the configuration says, and the nodes to it', () => {
    const { pki } = site.kubernetes;
    assert.equal(pki?.endpoint, `https://127.${testBase(103)}.67.20:6443`);
    assert.equal(pki.kubernetesVersion, 'v1.34.1');
    assert.match(pki.ca.key, /PRIVATE KEY/);
    assert.match(pki.serviceAccountKey, /PRIVATE KEY/);
    assert.deepEqual([pki.podSubnets, pki.serviceSubnets], [['10.244.0.0/16'], ['10.96.0.0/12']]);
    assert.deepEqual(
      site.fleet
        .apiServers()
        .map(({ node }) => node)
        .sort(),
      ['control-1', 'control-2', 'control-3'],
    );
    assert.equal(site.kubernetes.nodes.get('worker-1')?.kubelet, 'v1.34.1');
  });

  it('brings a satellite up only where there are drbd and a data disk', () => {
    assert.deepEqual([...site.storage.satellites], ['worker-1']);
  });

  it('carries no secret in the events of the world', () => {
    const log = JSON.stringify(site.world.events.all());
    assert.match(log, /talos\.identity/);
    assert.doesNotMatch(log, /PRIVATE KEY|BEGIN CERTIFICATE|LS0tLS1/);
    assert.equal(new Set(site.eventsOf('talos.identity').map(({ fingerprint }) => fingerprint)).size, 1);
  });

  describe('calls', () => routing(() => site));

  describe('configurations', () => applying(() => site));

  // Last: it takes a machine away.
  describe('hypervisor', () => {
    it('has an agent for the hypervisor, and goes down when it is asked', async () => {
      const { vmid } = site.fleet.byNode('worker-1')!;
      assert.equal(site.hypervisors.agentPing(vmid), true);
      await site.hypervisors.shutdown(vmid);
      await site.until('it is gone', () => site.fleet.byNode('worker-1') === undefined);
      assert.equal(site.kubernetes.nodes.has('worker-1'), false);
      assert.equal(site.hypervisors.agentPing(vmid), false);
      const stages = site.eventsOf('machine.stage').filter(({ vmid: id }) => id === vmid);
      assert.equal(stages.at(-1)?.stage, 'shutting down');
      assert.ok(site.eventsOf('machine.down').some(({ node }) => node === 'worker-1'));
    });
  });
});
