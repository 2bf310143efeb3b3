import assert from 'node:assert/strict';
import { Site, VERSION, type Ran } from './site.js';

const ACTIONS = ['reboot', 'powercycle', 'force', 'upgrade', 'legacy', 'staged', 'reset', 'wiped', 'stalled'] as const;

/** Each action has a machine of its own and all run at once: a tracked reboot takes seconds by its nature. */
describe('talos: reboot, reset, shutdown and upgrade, tracked by the real talosctl', () => {
  let site: Site;
  let done: Record<(typeof ACTIONS)[number], Ran>;
  let bootIds: Map<string, string>;
  let rolledBack: Promise<void>;

  const tracked = (last: number, ...args: string[]) =>
    site.run(...args, '--wait', '--timeout', '15s', '-n', site.address(last));
  const installer = (version: string) => `factory.talos.dev/nocloud-installer/${site.schematic}:${version}`;
  const version = (node: string) => site.fleet.byNode(node)?.talosVersion;
  const partitions = ['STATE', 'EPHEMERAL'].flatMap((label) => ['--system-labels-to-wipe', label]);

  before(async () => {
    site = await Site.open();
    await site.cluster(6);
    site.start('old', 10, { image: { schematic: site.schematic, version: 'v1.11.3' } });
    await site.configure('old', 10, 'worker');
    await site.until('it runs', () => site.running().includes('old'));
    site.world.faults.set('boot-stalls', 'stalled');
    site.start('stalled', 11);
    await site.configure('stalled', 11, 'worker');
    await site.eventually('version', '-n', site.address(11));
    bootIds = new Map(site.fleet.running().map(({ node, bootId }) => [node, bootId]));
    const runs = await Promise.all([
      tracked(3, 'reboot'),
      tracked(4, 'reboot', '-m', 'powercycle'),
      tracked(5, 'reboot', '-m', 'force'),
      tracked(6, 'upgrade', '--image', installer('v1.13.2'), '--drain=false'),
      tracked(10, 'upgrade', '--image', installer('v1.12.0')),
      tracked(7, 'upgrade', '--legacy', '--stage', '--image', installer('v1.13.3')),
      tracked(8, 'reset', '--reboot', ...partitions),
      site.run('reset', '--reboot', '--wait=false', '-n', site.address(9)),
      tracked(11, 'reboot'),
    ]);
    done = Object.fromEntries(ACTIONS.map((action, index) => [action, runs[index]])) as typeof done;
  });
  after(() => site?.close());

  it('reboots in every mode, with another boot id, and is ready when talosctl says so', () => {
    for (const mode of ['reboot', 'powercycle', 'force'] as const) assert.equal(done[mode].code, 0, done[mode].stderr);
    for (const node of ['control-3', 'worker-1', 'worker-2']) {
      assert.equal(site.stage(node), 'running');
      assert.notEqual(site.fleet.byNode(node)?.bootId, bootIds.get(node));
      assert.ok(site.kubernetes.nodes.has(node));
    }
    const stages = site.eventsOf('machine.stage').filter(({ node }) => node === 'control-3');
    assert.deepEqual(
      stages.slice(-3).map(({ stage }) => stage),
      ['rebooting', 'booting', 'running'],
    );
  });

  it('boots on after a stall when it is rebooted through Talos', () => {
    assert.equal(done.stalled.code, 0, done.stalled.stderr);
    assert.equal(site.stage('stalled'), 'running');
  });

  it('upgrades through the new API: installs beside the running system, then reboots', () => {
    assert.equal(done.upgrade.code, 0, done.upgrade.stderr);
    assert.equal(version('worker-3'), 'v1.13.2');
    const told = site.eventsOf('machine.running').filter(({ node }) => node === 'worker-3');
    assert.deepEqual(
      told.map(({ talosVersion }) => talosVersion),
      [VERSION, 'v1.13.2'],
    );
  });

  it('goes back to the system before the upgrade', async () => {
    await site.ok('rollback', '-n', site.address(6));
    rolledBack = site.until('the previous system runs', () => version('worker-3') === VERSION);
  });

  it('upgrades a version without the new API through the old one', () => {
    assert.equal(done.legacy.code, 0, done.legacy.stderr);
    assert.match(done.legacy.stderr, /falling back to legacy/);
    assert.equal(version('old'), 'v1.12.0');
  });

  it('pulls an image the old way where the new one is not served yet', async () => {
    site.start('older', 12, { image: { schematic: site.schematic, version: 'v1.12.4' } });
    await site.configure('older', 12, 'worker');
    await site.until('it runs', () => site.running().includes('older'));
    const pull = (image: string) => site.run('image', 'pull', image, '--namespace', 'system', '-n', site.address(12));
    const pulled = await pull(installer('v1.12.5'));
    assert.equal(pulled.code, 0, pulled.stderr);
    const none = await pull('factory.talos.dev/nocloud-installer/none:v1.12.5');
    assert.equal(none.code, 1);
    assert.match(none.stderr, /code = NotFound desc = error pulling image: failed to pull image/);
  });

  it('installs a staged upgrade at the next boot', () => {
    assert.equal(done.staged.code, 0, done.staged.stderr);
    assert.equal(version('worker-4'), 'v1.13.3');
  });

  it('comes back empty when its partitions were reset, and can be configured again', async () => {
    assert.equal(done.reset.code, 0, done.reset.stderr);
    assert.equal(site.stage('worker-5'), 'maintenance');
    await site.configure('worker-5', 8, 'worker');
    await site.until('it runs again', () => site.running().includes('worker-5'));
  });

  it('has nothing left to boot after a reset of the whole disk', () => {
    assert.equal(done.wiped.code, 0, done.wiped.stderr);
    assert.equal(site.fleet.byNode('worker-6'), undefined);
  });

  it('refuses an upgrade too far in the installer, and an image that nobody made in the pull', async () => {
    const none = `factory.talos.dev/nocloud-installer/${'0'.repeat(64)}:v1.13.0`;
    const [far, unknown] = await Promise.all([
      tracked(4, 'upgrade', '--image', installer('v1.10.0'), '--drain=false'),
      tracked(5, 'upgrade', '--image', none, '--drain=false'),
    ]);
    assert.equal(far.code, 1);
    assert.match(far.stderr + far.stdout, /upgrade failed with exit code 1/);
    assert.match(unknown.stderr, /not found/);
    assert.equal(site.stage('worker-1'), 'running');
  });

  it('does not let the old upgrade take one of two control planes away', async () => {
    await site.ok('etcd', 'leave', '-n', site.address(3));
    const two = await tracked(1, 'upgrade', '--legacy', '--image', installer('v1.13.3'));
    assert.match(two.stderr, /etcd member count\(2\) is insufficient to maintain quorum/);
  });

  it('leaves etcd in a graceful reset, which the last member refuses', async () => {
    const graceful = await tracked(2, 'reset', '--graceful');
    assert.equal(graceful.code, 0, graceful.stderr);
    assert.equal(site.voters(), 1);
    assert.equal(site.fleet.hasQuorum(), true);
    const alone = await tracked(1, 'reset', '--graceful');
    assert.match(alone.stderr, /not enough started members/);
    assert.equal(site.stage('control-1'), 'running');
  });

  it('powers the VM off in a shutdown, and etcd keeps the member', async () => {
    const { vmid } = site.fleet.byNode('control-1')!;
    await site.ok('shutdown', '--force', '--wait=false', '-n', site.address(1));
    await site.until('the VM is off', () => !site.hypervisors.running(vmid));
    assert.equal(site.voters(), 1);
    assert.equal(site.fleet.hasQuorum(), false);
    assert.equal(site.kubernetes.wipes, 0);
    await rolledBack;
  });
});
