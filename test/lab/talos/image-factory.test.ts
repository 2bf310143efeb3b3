import assert from 'node:assert/strict';
import { ImageFactory } from '../../../lab/talos/factory/image-factory.js';
import { preflight } from '../../../lab/talos/factory/preflight.js';
import { realClock } from '../../../lab/world/clock.js';
import { FASTEST } from '../../../lab/world/durations.js';
import { EventLog } from '../../../lab/world/events.js';
import { Faults } from '../../../lab/world/faults.js';
import { testNetwork } from '../../support/network';

const EMPTY = '376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba';
/** As factory.talos.dev gives it for the guest agent alone. */
const GUEST_AGENT = 'ce4c980550dd2ab1b17bbf2b08801c7eb59418eafe8f279833297925d67c7515';

describe('talos: image factory', () => {
  const network = testNetwork(103);
  const factory = new ImageFactory({
    clock: realClock,
    durations: FASTEST,
    events: new EventLog(Date.now),
    faults: new Faults(),
    network,
    inventory: { hosts: [], storages: [] },
    directory: '',
    signal: new AbortController().signal,
  });
  before(() => factory.start());
  after(() => factory.close());

  const get = (path: string, method = 'GET') => fetch(`${network.imageFactoryUrl}${path}`, { method });
  const post = (body: string) => fetch(`${network.imageFactoryUrl}/schematics`, { method: 'POST', body });

  it("gives the real factory's ids, whatever the text looks like", async () => {
    const ids = [
      ['', EMPTY],
      ['customization: {}', EMPTY],
      ['{"customization":{"systemExtensions":{"officialExtensions":["siderolabs/qemu-guest-agent"]}}}', GUEST_AGENT],
      [
        '# mine\ncustomization:\n systemExtensions:\n  officialExtensions: [siderolabs/qemu-guest-agent]\n',
        GUEST_AGENT,
      ],
    ];
    for (const [text, id] of ids) {
      const response = await post(text!);
      assert.equal(response.status, 201);
      assert.equal(((await response.json()) as { id: string }).id, id);
    }
    assert.deepEqual(factory.extensionsOf(GUEST_AGENT), ['siderolabs/qemu-guest-agent']);
  });

  it('refuses what is no schematic', async () => {
    for (const text of ['customisation: {}', 'customization: [1]', 'a: {'])
      assert.equal((await post(text)).status, 400);
  });

  it('lists versions and their official extensions', async () => {
    const versions = (await (await get('/versions')).json()) as string[];
    for (const version of ['v1.9.0', 'v1.11.3', 'v1.12.4', 'v1.13.0']) assert.ok(versions.includes(version), version);
    assert.ok(versions.indexOf('v1.13.0-rc.0') < versions.indexOf('v1.13.0'));
    const extensions = (await (await get('/version/v1.12.0/extensions/official')).json()) as {
      name: string;
      ref: string;
    }[];
    const drbd = extensions.find(({ name }) => name === 'siderolabs/drbd');
    assert.match(drbd?.ref ?? '', /^ghcr\.io\/siderolabs\/drbd:.*v1\.12\.0$/);
    assert.equal((await get('/version/v9.9.9/extensions/official')).status, 404);
  });

  it('knows an image by its path, under any host name, and nothing else', async () => {
    const path = `/image/${GUEST_AGENT}/v1.12.0/nocloud-amd64.raw.xz`;
    assert.equal((await get(path, 'HEAD')).status, 200);
    for (const host of ['https://factory.talos.dev', network.imageFactoryUrl]) {
      const { schematic, version } = factory.resolveImage(`${host}${path}`) ?? {};
      assert.deepEqual([schematic, version], [GUEST_AGENT, 'v1.12.0']);
    }
    const strangers = [path.replace(GUEST_AGENT, 'f'.repeat(64)), path.replace('v1.12.0', 'v8.0.0'), '/image/nonsense'];
    for (const stranger of strangers) {
      assert.equal((await get(stranger)).status, 404);
      assert.equal(factory.resolveImage(`https://factory.talos.dev${stranger}`), undefined);
    }
  });

  it('makes no image with an extension that does not exist', async () => {
    const { id } = (await (
      await post('customization:\n  systemExtensions:\n    officialExtensions: [siderolabs/nonsense]\n')
    ).json()) as { id: string };
    const response = await get(`/image/${id}/v1.12.0/nocloud-amd64.raw`);
    assert.equal(response.status, 400);
    assert.match(await response.text(), /official extension "siderolabs\/nonsense" is not available/);
  });

  it('lets an installer reach two minor releases up and one down', () => {
    const outcome = (from: string, to: string) =>
      'refused' in preflight(factory, from, `factory.talos.dev/nocloud-installer/${EMPTY}:${to}`)
        ? 'refused'
        : 'installed';
    assert.equal(outcome('v1.11.3', 'v1.13.0'), 'installed');
    assert.equal(outcome('v1.10.0', 'v1.13.0'), 'refused');
    assert.equal(outcome('v1.13.0', 'v1.12.0'), 'installed');
    assert.equal(outcome('v1.13.0', 'v1.11.0'), 'refused');
    assert.ok('version' in preflight(factory, 'v1.13.0', 'ghcr.io/siderolabs/installer:v1.13.1'));
  });
});
