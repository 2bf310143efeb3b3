import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { Notifier } from '../../../driver/notify/notifier';
import { retryAfter } from '../../../driver/notify/send';
import { targetsFrom } from '../../../driver/notify/targets';
import { RunLog } from '../../../driver/runLog';
import { SecretFilter } from '../../../driver/secrets';
import { nodesOf, started } from '../../support/events';

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

describe('driver/notify', () => {
  let directory: string;
  let server: Server;
  let received: { url: string | undefined; body: string }[];
  let answers: Answer[];
  const ok: Answer = (response) => response.writeHead(204).end();

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'prox-ops-notify-'));
    received = [];
    answers = [];
    server = createServer((request, response) => {
      void text(request).then((body) => {
        received.push({ url: request.url, body });
        (answers.shift() ?? ok)(response, request);
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });

  afterEach(() => {
    server.closeAllConnections();
    server.close();
    rmSync(directory, { recursive: true, force: true });
  });

  /** A run of one node that fails, with its messages sent to our server. */
  async function run(kind: 'discord' | 'webhook', timeout = 5000): Promise<{ log: RunLog; pauses: number[] }> {
    const filter = new SecretFilter();
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/webhooks/1234567890/s3cr3t-T0k3n-abcdef`;
    filter.addUrl(url);
    const log = new RunLog(directory, 'run', filter);
    const pauses: number[] = [];
    const pause = (ms: number) => {
      pauses.push(ms);
      return Promise.resolve();
    };
    const notifier = new Notifier(log, 'lab', [{ kind, url }], { timeout, pause });
    log.emit(started(nodesOf(1)));
    log.emit({ type: 'rollback.started', node: 'k8s-ctrl-1', from: 'v1.12.4', to: 'v1.11.3', why: '```@everyone' });
    log.emit({ type: 'node.finished', node: 'k8s-ctrl-1', outcome: 'rolled back', ms: 1000 });
    log.emit({ type: 'run.finished', outcome: 'stopped', ms: 2000, exitCode: 3 });
    await notifier.close(10_000);
    return { log, pauses };
  }

  const notices = (log: RunLog) => log.events.flatMap((event) => (event.type === 'notice' ? [event.message] : []));

  it('R004-FR9 tells Discord of the start, the rollback, the node and the end, and pings nobody', async () => {
    const { log } = await run('discord');
    const bodies = received.map(
      ({ body }) => JSON.parse(body) as { allowed_mentions: object; embeds: { title: string }[] },
    );
    assert.deepEqual(
      bodies.map(({ embeds }) => embeds[0]?.title),
      [
        'lab: roll of 1 node(s) begins',
        'lab: k8s-ctrl-1 goes back, v1.12.4 -> v1.11.3',
        'lab: k8s-ctrl-1 rolled back in 1.0s (1/1)',
        'lab: stopped in 2.0s, exit code 3',
      ],
    );
    for (const body of bodies) assert.deepEqual(body.allowed_mentions, { parse: [] });
    assert.deepEqual(notices(log), []);
  });

  it('posts the event itself to a webhook', async () => {
    await run('webhook');
    const { event } = JSON.parse(received[0]?.body ?? '') as { event: { type: string; v: number } };
    assert.deepEqual([event.type, event.v], ['run.started', 1]);
  });

  it('tries once more after 429, as late as the server asks', async () => {
    answers = [(response) => response.writeHead(429, { 'retry-after': '1.5' }).end()];
    const { log, pauses } = await run('webhook');
    assert.deepEqual(pauses, [1500]);
    assert.equal(received.length, 5);
    assert.deepEqual(notices(log), []);
  });

  it('gives up after the second failure, and the run goes on', async () => {
    answers = [500, 503].map(
      (status): Answer =>
        (response) =>
          response.writeHead(status).end(),
    );
    const { log } = await run('webhook');
    assert.deepEqual(notices(log), ['expected HTTP 2xx, found 500 and then 503']);
    assert.equal(received.length, 5);
  });

  it('does not repeat what was refused, nor wait longer than it may, nor follow a redirect', async () => {
    answers = [
      (response) => response.writeHead(404).end(),
      (response) => response.writeHead(429, { 'retry-after': '3600' }).end(),
      (response) => response.writeHead(302, { location: '/elsewhere' }).end(),
    ];
    const { log, pauses } = await run('webhook');
    assert.deepEqual(notices(log), [
      'expected HTTP 2xx, found 404',
      'HTTP 429, to be tried again after 3600 s: too long to wait',
      'expected HTTP 2xx, found 302',
    ]);
    assert.deepEqual(pauses, []);
  });

  it('a server that never answers holds nothing up, and the address is told nowhere', async () => {
    answers = Array.from({ length: 4 }, (): Answer => () => undefined);
    const { log } = await run('webhook', 50);
    assert.deepEqual([...new Set(notices(log))], ['no answer within 0.05 s']);
    assert.ok(!readFileSync(log.file, 'utf8').includes('s3cr3t'));
  });

  it('reads Retry-After in seconds, with a fraction, or as a date', () => {
    assert.equal(retryAfter('2'), 2000);
    assert.equal(retryAfter('0.25'), 250);
    assert.equal(retryAfter('Sat, 21 Nov 2026 12:00:05 GMT', Date.parse('2026-11-21T12:00:00Z')), 5000);
    assert.equal(retryAfter(null), 1000);
    assert.equal(retryAfter('soon'), 1000);
  });

  it('takes the addresses from secrets or the environment, and none that is in plain text or in clear', () => {
    const url = 'https://example.test/hook/abcdefghijklmnop';
    const from = (config: object, env = {}) => targetsFrom(config as never, env, new SecretFilter());
    assert.deepEqual(from({ 'prox-ops:webhook': { value: url, secret: true } }).targets, [{ kind: 'webhook', url }]);
    assert.deepEqual(from({}, { PROX_OPS_DISCORD_WEBHOOK: url }).targets, [{ kind: 'discord', url }]);
    assert.match(from({ 'prox-ops:webhook': { value: url } }).problems[0] ?? '', /expected a secret, found plain text/);
    const clear = from({}, { PROX_OPS_WEBHOOK: url.replace('https', 'http') });
    assert.deepEqual(clear.problems, ['PROX_OPS_WEBHOOK: expected an https:// address, found http://']);
  });
});
