import assert from 'node:assert/strict';
import { get, type ClientRequest, type IncomingMessage } from 'node:http';
import { seedResources } from '../../../lab/linstor/index.js';
import { machine, withLab, type Lab } from './support.js';

const THREE = ['alpha', 'bravo', 'charlie'];

/** Listens to a stream; collects its bytes. */
class Listener {
  text = '';
  response: IncomingMessage | undefined;
  private readonly request: ClientRequest;
  private onData: () => void = () => undefined;

  constructor(lab: Lab, path: string, headers: Record<string, string> = {}) {
    this.request = get({ host: lab.address, port: lab.port, path, headers, agent: false }, (response) => {
      this.response = response;
      response.on('data', (chunk: Buffer) => {
        this.text += chunk.toString();
        this.onData();
      });
      response.on('error', () => undefined);
    });
    this.request.on('error', () => undefined);
  }

  /** Waits until `done` says of the text that it is all there. */
  async until(done: (text: string) => boolean): Promise<string> {
    while (!done(this.text)) await new Promise<void>((resolve) => (this.onData = resolve));
    return this.text;
  }

  contentType(): string | undefined {
    return this.response?.headers['content-type'];
  }

  close(): void {
    this.request.destroy();
  }
}

async function listening(
  lab: Lab,
  path: string,
  test: (listener: Listener) => Promise<void>,
  headers = {},
): Promise<void> {
  const listener = new Listener(lab, path, headers);
  // A request that is answered on another connection afterwards proves that the stream's has arrived.
  await lab.get('/v1/nodes');
  await lab.get('/v1/nodes');
  try {
    await test(listener);
  } finally {
    listener.close();
  }
}

function eventNames(text: string): string[] {
  return [...text.matchAll(/^event: (.*)$/gm)].map((found) => found[1]!);
}

describe('LINSTOR node events', () => {
  it('send nothing, not even headers, before the first event', () =>
    withLab(THREE, (lab) =>
      listening(lab, '/v1/events/nodes', async (listener) => {
        lab.controller.satelliteDown('alpha');
        lab.controller.satelliteUp(machine('alpha'));
        await lab.get('/v1/nodes');
        assert.equal(listener.response, undefined, 'ONLINE and OFFLINE are no events');
        await lab.call('PUT', '/v1/nodes/alpha/evacuate');
        await listener.until((text) => text.endsWith('\n\n'));
        assert.equal(listener.contentType(), 'text/event-stream');
      }),
    ));

  it('carry the whole node, in one line of data', () =>
    withLab(THREE, (lab) =>
      listening(lab, '/v1/events/nodes', async (listener) => {
        await lab.call('PUT', '/v1/nodes/alpha/evacuate');
        const text = await listener.until((found) => found.endsWith('\n\n'));
        const data = /^event: node-evacuate\ndata: (.*)\n\n$/.exec(text)?.[1];
        const { node } = JSON.parse(data!) as { node: { name: string; flags: string[]; net_interfaces: object[] } };
        assert.deepEqual([node.name, node.flags, node.net_interfaces.length], ['alpha', ['EVACUATE'], 1]);
      }),
    ));

  it('tell of create, evacuate (also when it answers 500), evicted, restored, and delete (also when lost)', () =>
    withLab(THREE, (lab) =>
      listening(lab, '/v1/events/nodes', async (listener) => {
        seedResources(lab.controller, [{ name: 'db', sizeGib: 1, placeCount: 2, nodes: ['alpha', 'bravo'] }]);
        lab.controller.setInUse('db', 'alpha', true);
        await lab.call('PUT', '/v1/nodes/alpha/evacuate');
        await lab.call('PUT', '/v1/nodes/alpha/restore');
        await lab.call('DELETE', '/v1/nodes/charlie');
        lab.controller.satelliteDown('bravo');
        await lab.call('PUT', '/v1/nodes/bravo/evict');
        await lab.call('DELETE', '/v1/nodes/bravo/lost');
        lab.controller.satelliteUp(machine('delta'));
        const text = await listener.until((found) => eventNames(found).length >= 6 && found.endsWith('\n\n'));
        assert.deepEqual(eventNames(text), [
          'node-evacuate',
          'node-restored',
          'node-delete',
          'node-evicted',
          'node-delete',
          'node-create',
        ]);
        assert.match(
          text,
          /event: node-delete\ndata: \{"node":\{"name":"bravo","type":"SATELLITE","flags":\["DELETE","EVICTED"\]/,
        );
      }),
    ));
});

describe('LINSTOR promotion events', () => {
  it('tell when a replica may be promoted or not, without a value where nothing is known', () =>
    withLab(THREE, (lab) =>
      listening(lab, '/v1/events/drbd/promotion', async (listener) => {
        seedResources(lab.controller, [{ name: 'db', sizeGib: 1, placeCount: 2, nodes: ['alpha', 'bravo'] }]);
        await listener.until((text) => eventNames(text).length === 3);
        listener.text = '';
        lab.controller.setInUse('db', 'alpha', true);
        const text = await listener.until((found) => eventNames(found).length === 3 && found.endsWith('\n\n'));
        assert.match(
          text,
          /^event: may-promote-change\ndata: \{"resource_name":"db","node_name":"alpha","may_promote":false\}\n\n/,
        );
        listener.text = '';
        lab.controller.satelliteDown('bravo');
        assert.match(
          await listener.until((found) => found.endsWith('\n\n')),
          /data: \{"resource_name":"db","node_name":"bravo"\}\n\n/,
        );
      }),
    ));

  it('replay the present state to who asks for it', () =>
    withLab(THREE, async (lab) => {
      seedResources(lab.controller, [{ name: 'db', sizeGib: 1, placeCount: 2, nodes: ['alpha', 'bravo'] }]);
      const current = { 'Last-Event-ID': 'current' };
      await listening(
        lab,
        '/v1/events/drbd/promotion',
        async (listener) => {
          const text = await listener.until((found) => eventNames(found).length === 3);
          assert.equal(text.match(/"may_promote":true/g)?.length, 3);
        },
        current,
      );
    }));
});
