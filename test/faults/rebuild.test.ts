import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundleText, readBundle } from '../../driver/talosSecrets/bundle';
import { powerCut, seen } from '../support/engine-cluster';
import { EngineLab } from '../support/engine-lab';
import { handedOut, inService, worksWith, type Credentials } from '../support/rebuilding';
import { someSecrets } from '../support/secrets-bundle';
import { holds } from '../support/verdict';

const NODES = ['k8s-ctrl-1', 'k8s-ctrl-2', 'k8s-ctrl-3', 'k8s-work-1', 'k8s-work-2', 'k8s-work-3'];
describe('R002 a cluster is destroyed and rebuilt as the same cluster', () => {
  let engine: EngineLab;
  let old: Credentials;

  before(async () => {
    engine = await EngineLab.start({ base: 150, nodes: NODES });
    await inService(engine, 'up');
    old = await handedOut(engine);
  });

  after(async () => {
    await engine?.close();
  });

  function machines(): string[] {
    return engine.lab.status().vms.map(({ name }) => name);
  }

  /** A whole cluster that goes is nothing the monitor has to watch; what it watched until then is judged first. */
  async function announced(): Promise<void> {
    await holds(engine);
    engine.lab.monitor.disarm();
  }

  async function untouched(refused: Promise<{ code: number | null; output: string }>, says: RegExp): Promise<void> {
    const before = engine.lab.world.events.all().filter(({ type }) => type === 'vm.deleted').length;
    const { code, output } = await refused;
    assert.match(output, says);
    assert.notEqual(code, 0, output);
    assert.equal(engine.lab.world.events.all().filter(({ type }) => type === 'vm.deleted').length, before);
    assert.equal(machines().filter((name) => NODES.includes(name)).length, NODES.length);
    await holds(engine);
  }

  function noSecretIn(text: string, copy: string): void {
    const read = readBundle(readFileSync(copy, 'utf8'));
    assert.ok('bundle' in read);
    const { cluster, secrets, trustdinfo, certs } = read.bundle;
    const keys = Object.values(certs).map(({ key }) => key);
    for (const secret of [cluster.secret, secrets.bootstraptoken, trustdinfo.token, ...keys])
      assert.equal(text.includes(secret), false);
  }

  it('asks before anything: off a terminal without --yes nothing happens', async () => {
    await untouched(engine.proxOps('destroy'), /Expected --yes/);
  });

  it('a wrong, truncated or foreign copy is refused by name before the first VM goes', async () => {
    const copy = join(engine.project, 'copy.yaml');
    const exported = await engine.proxOps('secrets', 'export', copy);
    assert.equal(exported.code, 0, exported.output);
    assert.equal(statSync(copy).mode & 0o777, 0o600);
    noSecretIn(exported.output, copy);
    const whole = readFileSync(copy, 'utf8');
    const bad: [string, RegExp][] = [
      [whole.slice(0, whole.length - 100), /copy\.yaml: expected a whole copy.*truncated/],
      [
        bundleText(await someSecrets()),
        /copy\.yaml: expected secrets of the cluster with OS authority \w+, found another/,
      ],
      ['nonsense', /copy\.yaml: expected a whole secrets\.yaml/],
    ];
    for (const [text, says] of bad) {
      writeFileSync(copy, text);
      await untouched(engine.proxOps('destroy', '--yes', '--secrets-copy', copy), says);
      const checked = await engine.proxOps('secrets', 'check', copy);
      assert.equal(checked.code, 2, checked.output);
      assert.match(checked.output, says);
    }
    rmSync(copy);
  });

  it('the Talos secrets go by the variable and the typed name together alone', async () => {
    const variable = { TALOS_DESTROY_SECRETS: '1' };
    await untouched(engine.proxOpsWith(variable, 'destroy', '--yes'), /expected --lose-secrets prox-ops as well/);
    await untouched(engine.proxOpsWith(variable, 'destroy', '--yes', '--lose-secrets', 'other'), /found other/);
    await untouched(engine.proxOps('destroy', '--yes', '--lose-secrets', 'prox-ops'), /TALOS_DESTROY_SECRETS=1/);
  });

  it("another machine under a VM's id is refused by name, and nothing goes", async () => {
    const { faults } = engine.lab;
    engine.lab.monitor.disarm();
    faults.set('vm-id-reused', 'k8s-work-3');
    const { code, output } = await engine.proxOps('destroy', '--yes');
    assert.equal(code, 2, output);
    assert.match(output, /VM 8006: expected k8s-work-3/);
    assert.equal(machines().includes('k8s-ctrl-1'), true);
  });

  it('a VM that somebody removed is told as gone; killed in its middle with API, LINSTOR and Talos gone, it goes on', async () => {
    const { faults, parts } = engine.lab;
    engine.lab.monitor.disarm();
    faults.clear('vm-id-reused');
    parts.proxmox.byHand.remove(8006, { keepDisks: true });
    faults.set('kubernetes-api-down');
    faults.set('linstor-unreachable');
    for (const name of NODES.slice(0, 3)) faults.set('talos-unreachable', name);
    const driver = engine.begin('destroy', '--yes');
    await seen(driver, /delete VM done/);
    powerCut(driver);
    assert.notEqual(machines().length, 0);
    const { code, output } = await engine.proxOps('destroy', '--yes', '--reason', 'rehearsal');
    assert.equal(code, 0, output);
    assert.match(output, /Kubernetes: skipped/);
    assert.match(output, /LINSTOR: skipped/);
    assert.match(output, /no last snapshot, skipped: k8s-ctrl-1/);
    assert.deepEqual(machines(), []);
    faults.clear();
    const copies = readdirSync(join(engine.project, '.prox-ops', 'secrets'));
    assert.equal(copies.length, 1);
    const copy = join(engine.project, '.prox-ops', 'secrets', copies[0] ?? '');
    assert.equal(statSync(copy).mode & 0o777, 0o600);
    noSecretIn(output, copy);
    const checked = await engine.proxOps('secrets', 'check', copy);
    assert.equal(checked.code, 0, checked.output);
  });

  it('is destroyed: nothing more to do', async () => {
    const again = await engine.proxOps('destroy', '--yes');
    assert.equal(again.code, 0, again.output);
    assert.match(again.output, /Nothing to destroy/);
  });

  it('what a removed VM left is an orphan, is unknown while a host is silent, and goes on confirmation alone', async () => {
    const { faults } = engine.lab;
    const left = /orphan +│ (\S+:\S*vm-8006-disk-0)/;
    const listed = await engine.proxOps('orphans');
    assert.equal(listed.code, 0, listed.output);
    assert.match(listed.output, left);
    faults.set('host-offline', 'thor');
    const silent = await engine.proxOps('orphans', '--delete', '--yes');
    assert.equal(silent.code, 2, silent.output);
    assert.match(silent.output, /unknown +│ \S+vm-8006-disk-0/);
    assert.match(silent.output, /Nothing was deleted/);
    faults.clear();
    const unconfirmed = await engine.proxOps('orphans', '--delete');
    assert.equal(unconfirmed.code, 1, unconfirmed.output);
    assert.match((await engine.proxOps('orphans')).output, left);
    const removed = await engine.proxOps('orphans', '--delete', '--yes');
    assert.equal(removed.code, 0, removed.output);
    assert.match(removed.output, /deleted \S+vm-8006-disk-0 on \w+/);
    assert.match((await engine.proxOps('orphans')).output, /^No orphan\.$/m);
  });

  it('killed in the middle of its rebuild it goes on; what was handed out before works again', async () => {
    const driver = engine.begin('rebuild', '--yes');
    await seen(driver, /create VM done/);
    powerCut(driver);
    const record = join(engine.project, '.prox-ops', 'rebuild', 'lab.json');
    assert.equal(statSync(record).mode & 0o777, 0o600);
    const output = await inService(engine, 'rebuild', '--yes');
    assert.match(output, /Kubernetes CA: that of the secrets/);
    assert.match(output, /old kubeconfig: works: 6 nodes/);
    assert.match(output, /old talosconfig: works: v1\.11\.3/);
    assert.match(output, /Flux: (\d+) of \1 ready/);
    assert.match(output, /LINSTOR: \d+ volume\(s\) with all their replicas/);
    await worksWith(engine, old, NODES);
    assert.equal(existsSync(record), false);
    await holds(engine);
    const again = await engine.proxOps('rebuild', '--yes');
    assert.match(again.output, /nothing to rebuild/);
  });

  it('with a Proxmox host unreachable what is there stays, by name, and goes once it answers', async () => {
    await announced();
    const { faults } = engine.lab;
    faults.set('host-offline', 'thor');
    const first = await engine.proxOps('destroy', '--yes');
    assert.equal(first.code, 4, first.output);
    assert.match(first.output, /k8s-work-1-vm: skipped: thor does not answer/);
    assert.match(first.output, /snapshot verified: /);
    assert.deepEqual(
      machines().filter((name) => NODES.includes(name)),
      ['k8s-work-1'],
    );
    faults.clear();
    const second = await engine.proxOps('destroy', '--yes');
    assert.equal(second.code, 0, second.output);
    assert.deepEqual(machines(), []);
  });

  it('the secrets are lost with the variable and the name, and come back from a copy', async () => {
    const [name = ''] = readdirSync(join(engine.project, '.prox-ops', 'secrets'));
    const copy = join(engine.project, '.prox-ops', 'secrets', name);
    const lost = await engine.proxOpsWith(
      { TALOS_DESTROY_SECRETS: '1' },
      'destroy',
      '--yes',
      '--lose-secrets',
      'prox-ops',
    );
    assert.equal(lost.code, 0, lost.output);
    const none = await engine.proxOps('rebuild', '--yes');
    assert.equal(none.code, 2, none.output);
    assert.match(none.output, /Expected the Talos secrets in the state.*found none/);
    const imported = await engine.proxOps('secrets', 'import', copy);
    assert.equal(imported.code, 0, imported.output);
    noSecretIn(imported.output, copy);
    const checked = await engine.proxOps('secrets', 'check', copy);
    assert.equal(checked.code, 0, checked.output);
  });
});
