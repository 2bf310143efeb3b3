import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { checksumFor, Downloader } from '../../../lab/tools/download';
import { temporaryFolder } from './fakes';

describe('checksum files', () => {
  const sum = 'a'.repeat(64);
  const other = 'b'.repeat(64);

  it('name one file a line', () => {
    assert.equal(checksumFor('x', `${other}  y\n${sum}  x\n`), sum);
    assert.equal(checksumFor('x', `${sum} *x\n`), sum);
    assert.equal(checksumFor('x', `${sum}  ./x\n`), sum);
    assert.equal(checksumFor('x', `${other}  y\n`), undefined);
  });

  it('or hold one bare sum', () => {
    assert.equal(checksumFor('x', `${sum.toUpperCase()}\n`), sum);
    assert.equal(checksumFor('x', 'Not found\n'), undefined);
    assert.equal(checksumFor('x', ''), undefined);
  });
});

describe('downloads', () => {
  const folder = temporaryFolder();
  const files = new Map<string, Buffer>();
  let server: Server;
  let site = '';

  beforeEach(async () => {
    files.clear();
    server = createServer((request, response) => {
      const body = files.get(request.url ?? '');
      response.writeHead(body ? 200 : 404).end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    site = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  afterEach((done) => {
    server.close(done);
    server.closeAllConnections();
  });

  function publish(name: string, body: Buffer): { url: string; checksumUrl: string } {
    files.set(`/${name}`, body);
    files.set(`/${name}.sha256`, Buffer.from(createHash('sha256').update(body).digest('hex')));
    return { url: `${site}/${name}`, checksumUrl: `${site}/${name}.sha256` };
  }

  const target = () => join(folder.path, 'tool');

  it('are saved when their checksum is right', async () => {
    await new Downloader().fetch(publish('tool', Buffer.from('program')), target());
    assert.equal(readFileSync(target(), 'utf8'), 'program');
    assert.deepEqual(readdirSync(folder.path), ['tool']);
  });

  it('are taken out of an archive', async () => {
    const archive = pack();
    archive.entry({ name: 'tool/README' }, 'read me');
    archive.entry({ name: 'tool/tool' }, 'program');
    archive.finalize();
    const parts: Buffer[] = [];
    for await (const part of archive) {
      parts.push(part as Buffer);
    }
    const source = publish('tool.tar.gz', gzipSync(Buffer.concat(parts)));
    await new Downloader().fetch({ ...source, archiveMember: 'tool/tool' }, target());
    assert.equal(readFileSync(target(), 'utf8'), 'program');
    await assert.rejects(
      new Downloader().fetch({ ...source, archiveMember: 'tool/other' }, target()),
      /expected tool\/other/,
    );
    assert.deepEqual(readdirSync(folder.path), []);
  });

  it('are refused, and leave nothing, when the checksum is another one', async () => {
    const source = publish('tool', Buffer.from('program'));
    files.set('/tool', Buffer.from('something else'));
    await assert.rejects(new Downloader().fetch(source, target()), /expected SHA-256 \w{64}, found \w{64}/);
    assert.deepEqual(readdirSync(folder.path), []);
  });

  it('fail for what is not there', async () => {
    const source = { url: `${site}/nothing`, checksumUrl: `${site}/nothing.sha256` };
    await assert.rejects(new Downloader().fetch(source, target()), /expected HTTP status 200, found 404/);
  });

  it('ask a host that is out of reach once', async () => {
    const source = publish('tool', Buffer.from('program'));
    const downloader = new Downloader();
    await new Promise((resolve) => server.close(resolve));
    await assert.rejects(downloader.fetch(source, target()), /out of reach/);
    await new Promise<void>((resolve) => server.listen(Number(new URL(site).port), '127.0.0.1', resolve));
    await assert.rejects(downloader.fetch(source, target()), /out of reach/);
  });
});
