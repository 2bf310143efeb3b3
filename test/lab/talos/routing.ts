import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { parse, stringify } from 'yaml';
import { issue, loadAuthority } from '../../../lab/world/certificates.js';
import type { Site } from './site.js';
import { testBase } from '../../support/network';

interface Talosconfig {
  context: string;
  contexts: Record<string, { ca: string; crt: string; key: string; endpoints: string[] }>;
}

/** A talosconfig whose certificate carries other roles. */
async function talosconfigFor(site: Site, ...roles: string[]): Promise<string> {
  const secrets = parse(site.read('secrets.yaml')) as { certs: { os: { crt: string; key: string } } };
  const text = (base64: string): string => Buffer.from(base64, 'base64').toString('utf8');
  const authority = await loadAuthority(text(secrets.certs.os.crt), text(secrets.certs.os.key));
  const { crt, key } = await issue(authority, { commonName: 'somebody', organization: roles, client: true });
  const config = parse(site.read('generated/talosconfig')) as Talosconfig;
  const context = config.contexts[config.context]!;
  context.crt = Buffer.from(crt).toString('base64');
  context.key = Buffer.from(key).toString('base64');
  const file = site.file(`talosconfig-${roles.join('-').replaceAll(':', '-')}`);
  writeFileSync(file, stringify(config), { mode: 0o600 });
  return file;
}

/** Who answers a call, and whether the caller may make it. */
export function routing(site: () => Site): void {
  it('puts the replies of several nodes together, and warns of those that are missing', async () => {
    const all = [1, 4].map((last) => site().address(last));
    const both = await site().ok('version', '-n', all.join());
    assert.equal(both.stdout.match(/NODE: /g)?.length, 2);
    const some = await site().run('version', '-n', [...all, site().address(99)].join());
    assert.equal(some.code, 0, 'talosctl leaves out who fails, and is content');
    assert.match(some.stderr, new RegExp(String.raw`127\.${testBase(103)}\.67\.99.*code = Unavailable`));
    const none = await site().run('version', '-n', site().address(99));
    assert.equal(none.code, 1);
  });

  it('answers for a worker alone where a worker is the endpoint', async () => {
    const through = ['-e', site().address(4)];
    await site().ok('version', '-n', site().address(4), ...through);
    const other = await site().run('version', '-n', site().address(1), ...through);
    assert.match(other.stderr, /code = PermissionDenied desc = no request forwarding/);
  });

  it('reads resources of several nodes, one call each', async () => {
    const { stdout } = await site().ok(
      'get',
      'machinestatus',
      '-n',
      [1, 2, 4].map((last) => site().address(last)).join(),
    );
    assert.equal(stdout.match(/running/g)?.length, 3);
  });

  it('lets each role do what Talos lets it do', async () => {
    const [reader, operator, backup] = await Promise.all(
      ['os:reader', 'os:operator', 'os:etcd:backup'].map((role) => talosconfigFor(site(), role)),
    );
    const as = (talosconfig: string | undefined, ...args: string[]) =>
      site().run(...args, '-n', site().address(1), '--talosconfig', talosconfig!);
    const may = [
      as(reader, 'version'),
      as(reader, 'get', 'machinestatus'),
      as(reader, 'etcd', 'members'),
      as(operator, 'etcd', 'snapshot', site().file('operator.snapshot')),
      as(backup, 'etcd', 'snapshot', site().file('backup.snapshot')),
    ];
    const mayNot = [
      as(reader, 'get', 'machineconfig'),
      as(operator, 'get', 'machineconfig', 'v1alpha1'),
      as(reader, 'kubeconfig', '-'),
      as(reader, 'reboot', '--wait=false'),
      as(reader, 'etcd', 'snapshot', site().file('reader.snapshot')),
      as(operator, 'etcd', 'leave'),
      as(operator, 'reset', '--wait=false'),
      as(backup, 'version'),
      as(backup, 'etcd', 'forfeit-leadership'),
    ];
    for (const ran of await Promise.all(may)) assert.equal(ran.code, 0, ran.stderr);
    for (const ran of await Promise.all(mayNot)) assert.match(ran.stderr, /PermissionDenied desc = not authorized/);
    assert.equal(site().voters(), 3);
  });
}
