import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { startLinstor } from '../../../lab/linstor/index.js';
import { withLab, type Entry } from './support.js';
import { testBase } from '../../support/network';

describe('LINSTOR REST transport', () => {
  it('says its version', () =>
    withLab([], async (lab) => {
      const { body, headers } = await lab.get<Record<string, string>>('/v1/controller/version');
      assert.equal(body['version'], '1.33.3');
      assert.equal(body['rest_api_version'], '1.27.0');
      assert.equal(headers['content-type'], 'application/json', 'no charset');
    }));

  it('answers /health with nothing at all, not even a content type', () =>
    withLab([], async (lab) => {
      const { status, text, headers } = await lab.get('/health');
      assert.deepEqual([status, text, headers['content-type'], headers['content-length']], [200, '', undefined, '0']);
    }));

  it('sends CORS headers always, and closes the connection after a 500', () =>
    withLab(['alpha'], async (lab) => {
      const fine = await lab.get('/v1/nodes');
      const failed = await lab.call('PUT', '/v1/nodes/alpha/restore', {});
      for (const { headers } of [fine, failed]) assert.equal(headers['access-control-allow-origin'], '*');
      assert.equal(failed.status, 500);
      assert.equal(failed.headers['connection'], 'close');
    }));

  it('lists nothing as an empty array', () =>
    withLab([], async (lab) => {
      for (const path of ['/v1/nodes', '/v1/view/resources', '/v1/view/storage-pools', '/v1/error-reports']) {
        assert.equal((await lab.get(path)).text, '[]', path);
      }
    }));

  it('answers an unknown path with 404 and a wrong verb with 405, both as code 998', () =>
    withLab(['alpha'], async (lab) => {
      const unknown = await lab.get<Entry[]>('/v1/nosuch');
      assert.equal(unknown.status, 404);
      assert.equal(unknown.body[0]?.ret_code, '-4611686018427386906');
      assert.equal(unknown.body[0]?.message, "Path '/v1/nosuch' not found on server.");
      const wrong = await lab.call('POST', '/v1/nodes/alpha/evacuate', {});
      assert.equal(wrong.status, 405);
      assert.equal(wrong.body[0]?.message, "Method 'POST' not allowed on path '/v1/nodes/alpha/evacuate'.");
      assert.equal(lab.eventsOf('api.write').length, 0, 'nothing was written');
    }));

  it('takes a closing slash and survives paths that are none', () =>
    withLab(['alpha'], async (lab) => {
      assert.equal((await lab.get('/v1/nodes/alpha/')).status, 200);
      for (const path of ['//', '//v1/nodes', '/v1/nodes/%ZZ', '/v1/nodes/a%2Fb/evacuate']) {
        assert.ok([200, 404, 405, 500].includes((await lab.get(path)).status), path);
      }
      assert.equal((await lab.get('/v1/nodes')).status, 200);
    }));

  it('knows OPTIONS and HEAD', () =>
    withLab([], async (lab) => {
      const options = await lab.call<string>('OPTIONS', '/v1/nodes');
      assert.deepEqual(
        [options.status, options.headers['allow'], options.text],
        [200, 'HEAD,POST,GET,OPTIONS', 'HEAD, POST, GET, OPTIONS'],
      );
      const head = await lab.call<string>('HEAD', '/v1/nodes');
      assert.deepEqual([head.status, head.text], [200, '']);
    }));

  it('takes no body, {}, and {} without a content type for an evacuate', () =>
    withLab(['alpha'], async (lab) => {
      for (const body of [undefined, {}, '{}']) {
        assert.equal((await lab.call('PUT', '/v1/nodes/alpha/evacuate', body)).status, 200);
      }
    }));

  it('refuses broken JSON, unknown fields and wrong kinds with 500 and changes nothing', () =>
    withLab(['alpha'], async (lab) => {
      for (const body of ['{bad', '{"nosuchfield": 1}', '{"target": "alpha"}', '[]', '{"target"']) {
        const answer = await lab.call('PUT', '/v1/nodes/alpha/evacuate', body);
        assert.equal(answer.status, 500, body);
        assert.equal(answer.body[0]?.ret_code, '-3458764513820540931');
        assert.equal(answer.body[0]?.message, 'Unable to parse input json.');
      }
      const unknown = await lab.call('PUT', '/v1/nodes/alpha/evacuate', '{"nosuchfield": 1}');
      assert.match(unknown.body[0]!.details!, /2 known properties: "target", "do_not_target".*line: 1, column: 17/s);
      assert.equal(lab.eventsOf('api.write').length, 0);
      assert.ok(!(await lab.get('/v1/nodes/alpha')).text.includes('EVACUATE'));
    }));

  it('answers a limit that is no number with 500 and files an error report of it', () =>
    withLab([], async (lab) => {
      const answer = await lab.get<Entry[]>('/v1/view/resources?limit=abc');
      assert.equal(answer.status, 500);
      assert.equal(answer.body[0]?.ret_code, '-4611686018427386906');
      const id = answer.body[0]?.error_report_ids?.[0];
      const { body } = await lab.get<{ filename: string; text?: string }[]>(`/v1/error-reports/${id}`);
      assert.equal(body[0]?.filename, `ErrorReport-${id}.log`);
      assert.match(body[0]?.text ?? '', /HTTP 404 Not Found/);
    }));

  it('dates every entry', () =>
    withLab([], async (lab) => {
      const { body } = await lab.call('DELETE', '/v1/nodes/nosuch');
      assert.match(body[0]!.created_at!, /^2026-11-21T14:00:00\.\d+Z$/);
    }));

  it('says which address is taken when it cannot listen', () =>
    withLab([], async (lab) => {
      const other = createServer().listen(0, lab.address);
      await once(other, 'listening');
      const { port } = other.address() as { port: number };
      try {
        const starting = startLinstor(lab.world, lab.controller, { address: lab.address, port });
        await assert.rejects(
          starting,
          new RegExp(
            String.raw`expected to listen on 127\.${testBase(104)}\.0\.1:\d+, found EADDRINUSE; stop what listens`,
          ),
        );
      } finally {
        other.close();
      }
    }));
});

describe('LINSTOR error reports', () => {
  it('come without their text in a list, an unknown id is an empty list', () =>
    withLab(['alpha'], async (lab) => {
      await lab.call('DELETE', '/v1/nodes/alpha/lost');
      const list = await lab.get<{ text?: string; exception_message: string }[]>('/v1/error-reports');
      assert.equal(list.body.length, 1);
      assert.equal(list.body[0]?.text, undefined);
      assert.match(list.body[0]!.exception_message, /still connected/);
      const whole = await lab.get<{ text?: string }[]>('/v1/error-reports?withContent=true');
      assert.match(whole.body[0]?.text ?? '', /^ERROR REPORT /);
      assert.equal((await lab.get('/v1/error-reports/00000000-00000-000000')).text, '[]');
    }));

  it('are narrowed by time and node', () =>
    withLab(['alpha'], async (lab) => {
      await lab.call('DELETE', '/v1/nodes/alpha/lost');
      const now = lab.clock.now();
      const count = async (query: string): Promise<number> =>
        (await lab.get<object[]>(`/v1/error-reports?${query}`)).body.length;
      assert.equal(await count(`since=${now + 1}`), 0);
      assert.equal(await count(`to=${now - 1}`), 0);
      assert.equal(await count(`since=${now}&to=${now}`), 1);
      assert.equal(await count('node=controller'), 1);
      assert.equal(await count('node=alpha'), 0);
    }));
});
