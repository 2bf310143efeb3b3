import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import type { Site } from './site.js';

/** What a configured machine does with another configuration. */
export function applying(site: () => Site): void {
  /** The worker's configuration with a change. */
  const changed = (name: string, from: string | RegExp, to: string): string => {
    const file = site().file(`${name}.changed.yaml`);
    const text = site().read('worker-1.yaml');
    assert.match(text, new RegExp(from));
    writeFileSync(file, text.replace(from, to), { mode: 0o600 });
    return file;
  };
  const apply = (file: string, ...args: string[]) =>
    site().run('apply-config', '-f', file, '-n', site().address(4), ...args);
  const labels = () => site().fleet.byNode('worker-1')?.nodeLabels ?? {};
  const labelled = (name: string, label: string) =>
    changed(name, 'machine:\n', `machine:\n    nodeLabels:\n        lab/${label}: ""\n`);
  const needsReboot = () => changed('sysctl', 'machine:\n', 'machine:\n    env:\n        LAB: "1"\n');

  it('takes over at once what can be taken over, and the kubelet hears of it', async () => {
    const { code, stderr } = await apply(labelled('label', 'one'));
    assert.equal(code, 0, stderr);
    assert.match(stderr, /Applied configuration without a reboot/);
    assert.deepEqual(labels(), { 'lab/one': '' });
    assert.deepEqual(site().kubernetes.nodes.get('worker-1')?.nodeLabels, { 'lab/one': '' });
  });

  it('shows in a dry run what would change and how, and no secret', async () => {
    const file = changed('dry', 'debug: false', 'debug: true');
    const { stderr } = await apply(file, '--dry-run');
    assert.match(stderr, /Dry run summary:\nApplied configuration without a reboot \(skipped in dry-run\)/);
    assert.match(stderr, /\+debug: true/);
    const reboot = await apply(needsReboot(), '--dry-run');
    assert.match(reboot.stderr, /Applied configuration with a reboot/);
    assert.doesNotMatch(stderr + reboot.stderr, /LS0tLS1/);
    assert.deepEqual(labels(), { 'lab/one': '' });
  });

  it('refuses a change that needs a reboot in mode no-reboot, and takes it over when staged', async () => {
    const file = needsReboot();
    const refused = await apply(file, '--mode', 'no-reboot');
    assert.match(refused.stderr, /InvalidArgument.*can't be applied in immediate mode/s);
    const staged = await apply(file, '--mode', 'staged');
    assert.match(staged.stderr, /Staged configuration to be applied after the next reboot/);
    assert.deepEqual(labels(), { 'lab/one': '' }, 'what runs is what ran');
  });

  it('refuses a wrong configuration on a running machine, too', async () => {
    const refused = await apply(changed('wrong', 'type: worker', 'type: nonsense'));
    assert.match(refused.stderr, /code = InvalidArgument/);
  });

  it('goes back from a configuration that was only tried', async () => {
    const tried = await apply(labelled('try', 'tried'), '--mode', 'try', '--timeout', '1s');
    assert.equal(tried.code, 0, tried.stderr);
    assert.match(tried.stderr, /automatically reverted back in 1s/);
    assert.deepEqual(labels(), { 'lab/tried': '' });
    await site().until('it is reverted', () => 'lab/one' in labels());
  });
}
