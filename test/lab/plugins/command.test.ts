import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommandProvider } from '../../../lab/plugins/command/provider.js';
import { Secret, UNKNOWN } from '../../../lab/plugins/protocol/values.js';
import type { PropertyMap } from '../../../lab/plugins/protocol/values.js';
import { PluginClient } from './plugin-client.js';

const COMMAND = 'command:local:Command';

describe('command plugin', () => {
  let plugin: PluginClient;
  let dir: string;

  before(async () => {
    plugin = await PluginClient.start(new CommandProvider());
    dir = await mkdtemp(join(tmpdir(), 'command-test-'));
  });

  after(async () => {
    plugin.close();
    await rm(dir, { recursive: true });
  });

  it('runs create with its environment, directory and input, and keeps what it printed', async () => {
    const inputs = { create: 'echo "$WHO in $(pwd)"; cat >&2', environment: { WHO: 'me' }, dir, stdin: 'typed' };
    const { id, properties } = await plugin.create(COMMAND, inputs);
    assert.match(id, /^thing[0-9a-f]{8}$/);
    assert.deepEqual([properties['stdout'], properties['stderr']], [`me in ${dir}`, 'typed']);
  });

  it('runs nothing in a preview', async () => {
    const { properties } = await plugin.create(COMMAND, { create: `touch ${dir}/ran` }, true);
    assert.equal(properties['stdout'], UNKNOWN);
    await assert.rejects(readFile(join(dir, 'ran')));
  });

  it('fails with the status, the command and its output', async () => {
    await assert.rejects(
      plugin.create(COMMAND, { create: 'echo no >&2; exit 3' }),
      /exit status 3: running "echo no >&2; exit 3":\nno/,
    );
  });

  it('replaces for triggers, and updates with update or create for the rest', async () => {
    const inputs: PropertyMap = { create: 'echo made', update: 'echo "after $PULUMI_COMMAND_STDOUT"', triggers: [1] };
    const made = await plugin.create(COMMAND, inputs);
    assert.equal((await plugin.diff(COMMAND, made, inputs)).changes, false);
    assert.deepEqual((await plugin.diff(COMMAND, made, { ...inputs, triggers: [2] })).replaces, ['triggers']);
    const news = { ...inputs, create: 'echo other' };
    assert.deepEqual((await plugin.diff(COMMAND, made, news)).replaces, []);
    assert.equal((await plugin.update(COMMAND, made, news)).properties['stdout'], 'after made');
  });

  it('makes its output secret when an input is', async () => {
    const { properties } = await plugin.create(COMMAND, { create: 'echo $K', environment: { K: new Secret('k') } });
    assert.deepEqual(properties['stdout'], new Secret('k'));
  });

  it('runs delete at the end', async () => {
    const made = await plugin.create(COMMAND, { create: 'true', delete: `echo bye > ${dir}/gone` });
    await plugin.delete(COMMAND, made);
    assert.equal(await readFile(join(dir, 'gone'), 'utf8'), 'bye\n');
  });

  it('hands out the files that match', async () => {
    for (const name of ['a.txt', 'b.txt', 'c.log']) await writeFile(join(dir, name), name);
    const inputs = { create: 'true', dir, assetPaths: ['*.txt', '!b.txt'] };
    const { properties } = await plugin.create(COMMAND, inputs);
    assert.deepEqual(Object.keys(properties['assets'] as PropertyMap), ['a.txt']);
  });

  it('runs a function at every call', async () => {
    assert.equal((await plugin.invoke('command:local:run', { command: 'echo hi' }))['stdout'], 'hi');
  });
});
