import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { Site } from './site.js';

describe('talos: from an empty machine to a configured one', () => {
  let site: Site;
  before(async () => {
    site = await Site.open();
  });
  after(() => site?.close());
  afterEach(() => site.world.faults.clear());

  const maintenance = (name: string) => site.until('maintenance mode', () => site.stage(name) === 'maintenance');
  const insecure = (last: number, ...args: string[]) => site.run(...args, '--insecure', '-n', site.address(last));

  it('answers anybody in maintenance mode, as a reader', async () => {
    site.start('empty', 30);
    await maintenance('empty');
    await site.eventually('get', 'machinestatus', '--insecure', '-n', site.address(30));
    const [status, reset, told, secure] = await Promise.all([
      insecure(30, 'get', 'machinestatus'),
      insecure(30, 'reset', '--wait=false'),
      insecure(30, 'version'),
      site.run('version', '-n', site.address(30), '-e', site.address(30)),
    ]);
    assert.match(status.stdout, /maintenance/);
    assert.match(reset.stderr, /PermissionDenied desc = not authorized/);
    assert.match(told.stdout, /Tag: +v1\.13\.0/);
    assert.match(secure.stderr, /x509: certificate signed by unknown authority/);
  });

  it('refuses what the real talosctl finds wrong with a configuration, in its words, and stays', async () => {
    writeFileSync(site.file('wrong.yaml'), 'version: v1alpha1\nmachine:\n  type: worker\n');
    const { code, stderr } = await insecure(30, 'apply-config', '-f', site.file('wrong.yaml'));
    assert.equal(code, 1);
    assert.match(stderr, /code = InvalidArgument/);
    assert.match(stderr, /cluster instructions are required/);
    assert.equal(site.stage('empty'), 'maintenance');
  });

  it('refuses before 1.13 the modes that its maintenance server did not know', async () => {
    site.start('old', 31, { image: { schematic: site.schematic, version: 'v1.12.4' } });
    await maintenance('old');
    const apply = (last: number, mode: string) =>
      insecure(last, 'apply-config', '-f', site.configuration('old', 'worker'), '--mode', mode, '--dry-run');
    await site.eventually('get', 'machinestatus', '--insecure', '-n', site.address(31));
    for (const mode of ['no-reboot', 'staged'])
      assert.match((await apply(31, mode)).stderr, new RegExp(`Unimplemented.*--mode='${mode}' is not supported`));
    for (const answer of [await apply(31, 'auto'), await apply(30, 'no-reboot')])
      assert.equal(answer.code, 0, answer.stderr);
  });

  it('gives a worker its certificate only when a control plane of its cluster is there', async () => {
    await site.configure('empty', 30, 'worker');
    await site.until('services run', () => site.fleet.running().length === 1);
    const call = () => site.run('version', '-n', site.address(30), '-e', site.address(30));
    assert.match((await call()).stderr, /connection refused/);
  });

  it('takes a configuration, and then only knows callers with a certificate of its cluster', async () => {
    site.start('control-1', 1);
    await site.configure('control-1', 1, 'controlplane');
    const early = await site.eventually('get', 'machinestatus', '-n', site.address(1));
    assert.match(early.stdout, /booting +false/, 'a control plane boots until etcd runs');
    // Whether the client reads the alert before it finds the connection closed is a race that it can lose.
    assert.match((await insecure(1, 'version')).stderr, /tls: certificate required|broken pipe|reset by peer/);
    await site.eventually('bootstrap', '-n', site.address(1));
    await site.until('it runs', () => site.stage('control-1') === 'running');
    await site.ok('version', '-n', site.address(30), '-e', site.address(30));
    const running = site.eventsOf('machine.running').at(-1);
    assert.deepEqual([running?.node, running?.role, running?.kubelet], ['control-1', 'controlplane', 'v1.34.1']);
  });

  it('can not be bootstrapped before its services run', async () => {
    site.world.faults.set('boot-stalls', 'control-2');
    site.start('control-2', 2);
    await site.configure('control-2', 2, 'controlplane');
    await site.eventually('version', '-n', site.address(2));
    const { stderr } = await site.run('bootstrap', '-n', site.address(2));
    assert.match(stderr, /code = FailedPrecondition desc = bootstrap is not available yet/);
  });

  it('never answers without an address, without a system, or when it never boots', async () => {
    site.world.faults.set('never-boots', 'dead');
    const nameless = site.hypervisors.create({
      name: 'nameless',
      image: { schematic: site.schematic, version: 'v1.13.0' },
    });
    const blank = site.hypervisors.create({ name: 'blank', address: site.address(34) });
    [nameless, blank].forEach((vmid) => site.hypervisors.start(vmid));
    site.start('dead', 35);
    await maintenance('nameless');
    assert.equal(site.fleet.byNode('blank'), undefined);
    assert.equal(site.fleet.byNode('dead'), undefined);
    for (const last of [34, 35]) assert.match((await insecure(last, 'version')).stderr, /connection refused/);
  });

  it('accepts a configuration and stays in maintenance mode under that fault', async () => {
    site.world.faults.set('stays-in-maintenance', 'stubborn', 1);
    site.start('stubborn', 36);
    await site.configure('stubborn', 36, 'worker');
    await new Promise((resolve) => setTimeout(resolve, 150));
    assert.equal(site.stage('stubborn'), 'maintenance');
    await insecure(36, 'apply-config', '-f', site.configuration('stubborn', 'worker'));
    await site.until('the second one is taken', () => site.running().includes('stubborn'));
  });

  it('runs on while its machine API refuses connections under that fault', async () => {
    site.start('quiet', 38);
    await site.configure('quiet', 38, 'worker');
    await site.until('it runs', () => site.running().includes('quiet'));
    site.world.faults.set('talos-unreachable', 'quiet');
    const call = () => site.run('version', '-n', site.address(38));
    await new Promise((resolve) => setTimeout(resolve, 150));
    assert.match((await call()).stderr, /connection refused/);
    assert.equal(site.kubernetes.nodes.has('quiet'), true);
    site.world.faults.clear('talos-unreachable');
    await site.eventually('version', '-n', site.address(38));
  });

  it("reports another kubelet version than the configuration's under that fault", async () => {
    site.world.faults.set('wrong-kubelet-version', 'behind');
    site.start('behind', 39);
    await site.configure('behind', 39, 'worker');
    await site.until('its kubelet is up', () => site.kubernetes.nodes.has('behind'));
    assert.equal(site.kubernetes.nodes.get('behind')?.kubelet, 'v1.33.0');
  });
});
