import assert from 'node:assert/strict';
import { Site } from './site.js';

describe('talos: reboot, reset, shutdown and upgrade, tracked by the real talosctl', () => {
  let site: Site;
  before(async () => {
    site = await Site.open();
    await site.cluster();
  });
  after(() => site?.close());

  const TRACKED = ['--wait', '--timeout', '12s'];
  const bootId = (node: string) => site.fleet.byNode(node)?.bootId;
  const installer = (version: string) => `factory.talos.dev/nocloud-installer/${site.schematic}:${version}`;

  it('reboots in every mode, with other boot ids, and comes back ready', async () => {
    const before = [2, 3, 4].map((last) => bootId(last === 4 ? 'worker-1' : `control-${last}`));
    await site.ok('reboot', ...TRACKED, '-n', site.address(3));
    await Promise.all([
      site.ok('reboot', '-m', 'powercycle', ...TRACKED, '-n', site.address(2)),
      site.ok('reboot', '-m', 'force', ...TRACKED, '-n', site.address(4)),
    ]);
    const after = ['control-2', 'control-3', 'worker-1'].map(bootId);
    assert.equal(new Set([...before, ...after]).size, 6);
    const stages = site.eventsOf('machine.stage').filter(({ node }) => node === 'control-3');
    assert.deepEqual(
      stages.slice(-3).map(({ stage }) => stage),
      ['rebooting', 'booting', 'running'],
    );
    assert.ok(site.kubernetes.nodes.has('worker-1'));
  });

  it('upgrades through the new API: installs beside the running system, then reboots', async () => {
    const { stderr } = await site.run(
      'upgrade',
      '--image',
      installer('v1.13.2'),
      '--drain=false',
      ...TRACKED,
      '-n',
      site.address(4),
    );
    assert.equal(site.fleet.byNode('worker-1')?.talosVersion, 'v1.13.2', stderr);
    assert.equal(site.eventsOf('machine.running').at(-1)?.talosVersion, 'v1.13.2');
  });

  it('refuses an upgrade too far in the installer, and an image that nobody made in the pull', async () => {
    const far = await site.run(
      'upgrade',
      '--image',
      installer('v1.10.0'),
      '--drain=false',
      ...TRACKED,
      '-n',
      site.address(4),
    );
    assert.equal(far.code, 1);
    assert.match(far.stderr + far.stdout, /upgrade failed with exit code 1/);
    const image = `factory.talos.dev/nocloud-installer/${'0'.repeat(64)}:v1.13.0`;
    const none = await site.run('upgrade', '--image', image, '--drain=false', ...TRACKED, '-n', site.address(4));
    assert.match(none.stderr, /NotFound|not found/);
    assert.equal(site.stage('worker-1'), 'running');
  });

  it('upgrades older versions through the old API, in place or staged, but no control plane of two', async () => {
    const legacy = (...args: string[]) => site.run('upgrade', '--legacy', ...args, ...TRACKED, '-n', site.address(4));
    const old = site.start('old', 7, { image: { schematic: site.schematic, version: 'v1.11.3' } });
    await site.configure('old', 7, 'worker');
    await site.until('it runs', () => site.running().includes('old'));
    const [fallback, staged] = await Promise.all([
      site.ok('upgrade', '--image', installer('v1.12.0'), ...TRACKED, '-n', site.address(7)),
      legacy('--image', installer('v1.13.3'), '--stage'),
    ]);
    assert.match(fallback.stderr, /falling back to legacy/);
    assert.equal(site.fleet.byNode('old')?.talosVersion, 'v1.12.0');
    assert.equal(staged.code, 0, staged.stderr);
    assert.equal(site.fleet.byNode('worker-1')?.talosVersion, 'v1.13.3');
    site.hypervisors.stop(old);
    await site.ok('etcd', 'leave', '-n', site.address(3));
    const two = await site.run(
      'upgrade',
      '--legacy',
      '--image',
      installer('v1.13.3'),
      ...TRACKED,
      '-n',
      site.address(1),
    );
    assert.match(two.stderr, /etcd member count\(2\) is insufficient to maintain quorum/);
    await site.ok('rollback', '-n', site.address(4));
    await site.until('the previous system runs', () => site.fleet.byNode('worker-1')?.talosVersion === 'v1.13.2');
    await site.until('it is ready', () => site.running().includes('worker-1'));
  });

  it('resets partitions and comes back empty, or everything and stays away', async () => {
    const labels = ['STATE', 'EPHEMERAL'].flatMap((label) => ['--system-labels-to-wipe', label]);
    const worker = site.fleet.byNode('worker-1')!.vmid;
    await site.ok('reset', '--reboot', ...labels, ...TRACKED, '-n', site.address(4));
    await site.until('maintenance mode', () => site.stage('worker-1') === 'maintenance');
    await site.configure('worker-1', 4, 'worker');
    await site.until('it runs again', () => site.running().includes('worker-1'));
    await site.ok('reset', '--reboot', '--wait=false', '-n', site.address(4));
    await site.until('it is gone', () => site.fleet.byNode('worker-1') === undefined);
    assert.equal(site.hypervisors.running(worker), true);
    await new Promise((resolve) => setTimeout(resolve, 2_100));
    assert.equal(site.fleet.byNode('worker-1'), undefined, 'there is nothing left to boot');
  });

  it('leaves etcd in a graceful reset, and stays a dead member in another', async () => {
    await site.ok('reset', '--graceful', ...TRACKED, '-n', site.address(2));
    await site.until('one member is left', () => site.voters() === 1);
    assert.equal(site.fleet.hasQuorum(), true);
    const alone = await site.run('reset', '--graceful', '--wait', '--timeout', '3s', '-n', site.address(1));
    assert.match(alone.stderr, /not enough started members/);
    assert.equal(site.fleet.hasQuorum(), true);
  });

  it('powers the VM off in a shutdown, and etcd keeps the member', async () => {
    const { vmid } = site.fleet.byNode('control-1')!;
    await site.ok('shutdown', '--force', '--wait=false', '-n', site.address(1));
    await site.until('the VM is off', () => !site.hypervisors.running(vmid));
    assert.equal(site.voters(), 1);
    assert.equal(site.fleet.hasQuorum(), false);
    assert.equal(site.kubernetes.wipes, 0);
  });
});
