import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { httpTransport, LinstorClient, parseEntries } from '../../../operations/src/clients/linstor';
import { LinstorError, LinstorUnreachable } from '../../../operations/src/index';

describe('LINSTOR client', () => {
  describe('return codes (signed 64-bit, recorded from a real controller)', () => {
    const recorded: [string, string, number][] = [
      ['54263810', 'success', 2],
      ['3932160', 'success', 0],
      ['4611686018447582995', 'info', 10003],
      ['-9223372036854774788', 'warning', 1020],
      ['-9223372036817812502', 'warning', 1002],
      ['-9223372036800509000', 'warning', 3000],
      ['-9223372036854774805', 'warning', 1003],
      ['-4611686018427387604', 'error', 300],
      ['-4611686018427387904', 'error', 0],
      ['-4611686018390424603', 'error', 997],
      ['-4611686018373123863', 'error', 233],
    ];
    for (const [code, severity, number] of recorded) {
      it(`${code} is ${severity}`, () => {
        const [entry] = parseEntries('/x', `[{"ret_code": ${code}, "message": "m"}]`);
        assert.equal(entry?.severity, severity);
        assert.equal(entry?.code, BigInt(code));
        assert.equal(entry?.number, number);
      });
    }

    it('the numbers that the guard acts on are told apart though they differ in low bits alone', () => {
      const number = (code: string): number | undefined => parseEntries('/x', `[{"ret_code":${code}}]`)[0]?.number;
      assert.equal(number('-9223372036854774788'), 1020);
      assert.equal(number('-4611686018390424603'), 997);
      assert.equal(number('-4611686018427387604'), 300);
      assert.equal(number('-4611686018427387904'), 0);
    });

    it('a message that speaks of return codes is left alone', () => {
      const text = JSON.stringify([{ message: 'he said "ret_code": 5' }]).replace('{', '{"ret_code":1,');
      assert.equal(parseEntries('/x', text)[0]?.message, 'he said "ret_code": 5');
    });

    it('anything else is no answer', () => {
      for (const text of ['', '<html>', '{}', '[{"message":"m"}]']) {
        assert.throws(() => parseEntries('/x', text), LinstorUnreachable, text);
      }
    });
  });

  describe('over HTTP', () => {
    let server: Server;
    let client: LinstorClient;
    let answer: { status: number; body: string } | undefined;
    let seen: string[];

    beforeEach(async () => {
      seen = [];
      server = createServer((request, response) => {
        let body = '';
        request.on('data', (chunk) => (body += chunk));
        request.on('end', () => {
          seen.push(`${request.method} ${request.url} ${body}`.trim());
          // Without an answer the request is left hanging.
          if (answer) response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body);
        });
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      client = new LinstorClient(httpTransport(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
    });

    afterEach(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });

    it('an unknown node is known to be unknown; another 404 is an error', async () => {
      answer = { status: 404, body: '[{"ret_code":-4611686018427387604,"message":"Node \'x\' not found."}]' };
      assert.equal(await client.node('x'), undefined);
      answer = { status: 404, body: '[{"ret_code":-4611686018427386906,"message":"not found"}]' };
      await assert.rejects(client.node('x'), LinstorError);
    });

    it('a write answers its entries, errors among them, whatever the HTTP status', async () => {
      answer = {
        status: 500,
        body: '[{"ret_code":-4611686018390424603,"message":"Resource \'db-1\' is still in use."}]',
      };
      const [entry] = await client.evacuate('w1');
      assert.deepEqual([entry?.severity, entry?.number], ['error', 997]);
      assert.deepEqual(seen, ['PUT /v1/nodes/w1/evacuate {}']);
    });

    it('reads that fail are errors, and what is no list is no answer', async () => {
      answer = { status: 500, body: '[{"ret_code":-4611686018427387904,"message":"database gone"}]' };
      await assert.rejects(client.resources(), /500 database gone/);
      answer = { status: 200, body: '{}' };
      await assert.rejects(client.resources(), LinstorUnreachable);
      answer = { status: 200, body: '<html>proxy</html>' };
      await assert.rejects(client.nodes(), LinstorUnreachable);
    });

    it('nobody listening is unreachable, with the cause', async () => {
      await new Promise((resolve) => server.close(resolve));
      await assert.rejects(client.nodes(), /did not answer GET \/v1\/nodes: .*ECONNREFUSED/);
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    });

    it('a controller that accepts and never answers is given up after the time limit', async () => {
      answer = undefined;
      const { port } = server.address() as AddressInfo;
      const transport = httpTransport(`http://127.0.0.1:${port}`);
      const hasty = new LinstorClient((method, path, body) => transport(method, path, body, 20));
      await assert.rejects(hasty.nodes(), LinstorUnreachable);
    });
  });
});
