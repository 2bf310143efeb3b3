import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import type { RunEvent } from '../../driver/events';
import { discordBody } from '../../driver/notify/discord';
import { messageFor } from '../../driver/notify/messages';
import { htmlReport } from '../../driver/reports/html';
import { reportOf } from '../../driver/reports/model';
import { metricsText } from '../../driver/reports/prometheus';
import { reportText } from '../../driver/reports/table';
import { RunLog } from '../../driver/runLog';
import { SecretFilter } from '../../driver/secrets';
import { Picture } from '../../driver/views/picture';
import { eventText } from '../../driver/views/text';
import { OPENED, started } from '../support/events';

const secret = fc.string({
  unit: fc.constantFrom(...'ABCDEFGHabcdefgh0123456789+/=-_.!'),
  minLength: 24,
  maxLength: 60,
});

/** Ways in which a secret gets into a text. */
const disguise = fc.constantFrom<(value: string) => string>(
  (value) => value,
  (value) => Buffer.from(value).toString('base64'),
  (value) => Buffer.from(`x${value}y`).toString('base64'),
  (value) => Buffer.from(`xy${value}z`).toString('base64url'),
  encodeURIComponent,
  (value) => value.replaceAll(/.{10}/g, '$&\n'),
  (value) => JSON.stringify({ token: value }),
  (value) => Buffer.from(value).toString('hex'),
);

/** What a reader would find: the text without line breaks, as it is and decoded. */
function tells(text: string, value: string): boolean {
  const views = [text, text.replaceAll(/\\n|\s/g, ''), decoded(text)];
  const parts = Array.from({ length: value.length - 11 }, (_, index) => value.slice(index, index + 12));
  const encoded = [value, `x${value}`, `xy${value}`].map((padded) =>
    Buffer.from(padded).toString('base64').slice(4, -4),
  );
  return views.some((view) => [...parts, ...encoded].some((part) => view.includes(part)));
}

function decoded(text: string): string {
  return text.replaceAll(/%([0-9A-F]{2})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
}

describe('driver/secrets', () => {
  it('I7 no sink of a run tells a secret: whole, cut, broken into lines, in base64, in hex or URL-encoded', () => {
    const directory = mkdtempSync(join(tmpdir(), 'prox-ops-secrets-'));
    try {
      let count = 0;
      fc.assert(
        fc.property(secret, disguise, fc.nat(20), (value, hide, cut) => {
          const filter = new SecretFilter();
          filter.add(value);
          const message = `found ${hide(value).slice(0, hide(value).length - cut)} there`;
          count += 1;
          for (const sink of sinks(directory, `run-${count}`, filter, message)) assert.ok(!tells(sink, value), sink);
        }),
        { numRuns: 150 },
      );
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  it('what is no secret stays readable', () => {
    const filter = new SecretFilter();
    filter.addToken('root@pam!ops=12345678-aaaa-bbbb-cccc-123456789012');
    filter.addUrl('https://discord.com/api/webhooks/123456789012345678/AbCdEf_GhIjKlMn-OpQr');
    const text = 'k8s-work-1 of root@pam!ops at https://discord.com, PDB web/web allows none';
    assert.equal(filter.clean(text), text);
    assert.equal(filter.clean('token root@pam!ops=12345678-aaaa-bbbb'), 'token root@pam!ops=[secret]');
  });

  it('knows the keys of a kubeconfig and a talosconfig, decoded too, and not their certificates', () => {
    const key =
      '-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIObviouslyNotARealKeyButLongEnough\n-----END EC PRIVATE KEY-----\n';
    const data = Buffer.from(key).toString('base64');
    const filter = new SecretFilter();
    filter.addDocument(
      `users:\n- user:\n    client-certificate-data: Y2VydGlmaWNhdGUtZGF0YQ==\n    client-key-data: ${data}\n`,
    );
    assert.equal(filter.clean(`a ${data} b`), 'a [secret] b');
    assert.equal(filter.clean('line MHcCAQEEIObviouslyNotARealKey of it'), 'line [secret] of it');
    assert.equal(filter.clean('Y2VydGlmaWNhdGUtZGF0YQ=='), 'Y2VydGlmaWNhdGUtZGF0YQ==');
  });

  it('blots out what is a secret by its form, though nobody told', () => {
    const clean = (text: string) => new SecretFilter().clean(text);
    assert.equal(clean('Authorization: Bearer abcdefghijklmnop'), 'Authorization: Bearer [secret]');
    assert.equal(
      clean('POST https://discord.com/api/webhooks/1/x failed'),
      'POST https://discord.com/api/webhooks/[secret] failed',
    );
    assert.equal(clean('-----BEGIN PRIVATE KEY-----\nAAAA'), '[secret]');
  });
});

/** Everything that a run with this message in each of its events says anywhere. */
function sinks(directory: string, id: string, filter: SecretFilter, message: string): string[] {
  const log = new RunLog(directory, id, filter);
  const node = 'k8s-work-1';
  const events: RunEvent[] = [
    { ...OPENED, reason: message, options: { nodes: [message] } } as RunEvent,
    started([{ name: node, role: 'worker', from: 'v1.11.3', to: 'v1.12.4' }]),
    { type: 'run.reconciled', what: message },
    { type: 'node.started', node, index: 0, of: 1, to: 'v1.12.4' },
    { type: 'progress', node, message },
    { type: 'rollback.started', node, from: 'a', to: 'b', why: message },
    { type: 'node.finished', node, outcome: 'open', ms: 1, message },
    { type: 'notice', subject: 'discord', message },
    { type: 'run.finished', outcome: 'failed', ms: 1, exitCode: 4, message },
  ];
  const picture = new Picture();
  const said: string[] = [];
  log.listen((event) => {
    picture.add(event);
    const text = messageFor(event, { stack: 'lab', started: true, finished: 0, of: 1 });
    said.push(picture.text({ columns: 60, rows: 24 }), eventText(event) ?? '');
    if (text) said.push(JSON.stringify(discordBody(text)), JSON.stringify({ ...text, event }));
  });
  for (const event of events) log.emit(event);
  const report = reportOf(log.events);
  return [
    ...said,
    readFileSync(log.file, 'utf8'),
    JSON.stringify(report),
    reportText(report),
    htmlReport(report, log.events),
    metricsText(report),
  ];
}
