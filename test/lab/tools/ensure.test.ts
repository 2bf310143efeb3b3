import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { ensureSpecs, ensureTools, type EnsureOptions } from '../../../lab/tools/ensure';
import { withLock } from '../../../lab/tools/lock';
import type { ToolEvent } from '../../../lab/tools/progress';
import type { ToolSpec } from '../../../lab/tools/spec';
import { fakeTool, restoredEnvironment, script, shortly, temporaryFolder } from './fakes';

describe('ensureTools', () => {
  const folder = temporaryFolder();
  restoredEnvironment();
  let events: ToolEvent[];
  beforeEach(() => (events = []));

  const cacheDir = () => join(folder.path, 'cache');
  const ensure = (specs: ToolSpec[], options: EnsureOptions = {}) =>
    ensureSpecs(specs, { cacheDir: cacheDir(), progress: (event) => events.push(event), ...options });

  /** The path of a tool after a first run, whose events are forgotten. */
  async function built(spec: ToolSpec): Promise<string> {
    const path = (await ensure([spec])).get(spec.name);
    assert.ok(path !== undefined);
    events.length = 0;
    return path;
  }

  const saysOf = (program: string) => spawnSync(program, ['--version'], { encoding: 'utf8' }).stderr;

  describe('building', () => {
    it('makes a program once and keeps it by version and recipe', async () => {
      const spec = fakeTool(folder.path, 'a');
      const path = await built(spec);
      assert.match(path, /\/cache\/tools\/a\/v1\.2\.3-[0-9a-f]{12}\/a$/);
      assert.equal(saysOf(path), 'fake v1.2.3\n');
      assert.equal((await ensure([spec])).get('a'), path);
      assert.deepEqual(shortly(events), ['cache a', 'finished']);
    });

    it('makes it anew when the recipe changes', async () => {
      const spec = fakeTool(folder.path, 'a');
      const first = await built(spec);
      writeFileSync(join(spec.recipe.moduleDir, 'go.sum'), '');
      assert.equal(await built(spec), first);
      writeFileSync(join(spec.recipe.moduleDir, 'go.mod'), 'module prox-ops.test/a\n\ngo 1.22\n');
      assert.notEqual(await built(spec), first);
    });

    it("ignores the user's Go settings that would change what comes out", async () => {
      Object.assign(process.env, { GOFLAGS: '-mod=vendor', GOOS: 'plan9', GOWORK: '/nowhere' });
      assert.equal(saysOf(await built(fakeTool(folder.path, 'a'))), 'fake v1.2.3\n');
    });

    it("reports a failed build with the compiler's last lines and keeps nothing", async () => {
      const spec = fakeTool(folder.path, 'a', { source: 'package main\n\nfunc main() { undefinedThing() }\n' });
      await assert.rejects(ensure([spec]), { name: 'ToolsError', message: /a: the build failed[^]*undefinedThing/ });
      assert.deepEqual(shortly(events), ['building a', 'failed a']);
    });

    it('refuses a program that says another version', async () => {
      const spec = fakeTool(folder.path, 'a', { says: 'v0.9.0' });
      await assert.rejects(ensure([spec]), /expected a program that says it is v1\.2\.3, found one that says v0\.9\.0/);
    });

    it('stops when told to', async () => {
      await assert.rejects(ensure([fakeTool(folder.path, 'a')], { signal: AbortSignal.abort() }), {
        name: 'AbortError',
      });
    });
  });

  describe('a half-built cache', () => {
    it('is rebuilt when a run ended before its program was whole', async () => {
      const spec = fakeTool(folder.path, 'a');
      const path = await built(spec);
      rmSync(path);
      rmSync(join(dirname(path), 'complete.json'));
      writeFileSync(join(dirname(path), 'partial-1'), 'half a program');
      assert.equal(await built(spec), path);
      assert.equal(saysOf(path), 'fake v1.2.3\n');
      assert.deepEqual(readdirSync(dirname(path)).sort(), ['a', 'complete.json', 'lock']);
    });

    it('is rebuilt when the program was cut short', async () => {
      const spec = fakeTool(folder.path, 'a');
      const path = await built(spec);
      truncateSync(path, 1000);
      await ensure([spec]);
      assert.deepEqual(shortly(events), ['building a', 'build a', 'finished']);
      assert.equal(saysOf(path), 'fake v1.2.3\n');
    });

    it('is rebuilt when the stamp is broken', async () => {
      const spec = fakeTool(folder.path, 'a');
      writeFileSync(join(dirname(await built(spec)), 'complete.json'), '{"si');
      await ensure([spec]);
      assert.deepEqual(shortly(events), ['building a', 'build a', 'finished']);
    });
  });

  describe('two runs at once', () => {
    const start = (spec: ToolSpec) =>
      spawn(
        process.execPath,
        ['--require', 'tsx/cjs', join(__dirname, 'ensure-child.ts'), cacheDir(), JSON.stringify(spec)],
        {
          stdio: ['ignore', 'pipe', 'inherit'],
        },
      );

    async function eventsOf(
      child: ChildProcess,
      onEvent: (event: ToolEvent) => void = () => undefined,
    ): Promise<string[]> {
      assert.ok(child.stdout);
      const closed = once(child, 'close');
      const seen: ToolEvent[] = [];
      for await (const line of createInterface({ input: child.stdout })) {
        const event = JSON.parse(line) as ToolEvent;
        seen.push(event);
        onEvent(event);
      }
      assert.deepEqual((await closed)[0], 0);
      return shortly(seen);
    }

    it('build a tool once', async () => {
      const spec = fakeTool(folder.path, 'a');
      const [one, two] = await Promise.all([eventsOf(start(spec)), eventsOf(start(spec))]);
      const all = [...one, ...two];
      assert.equal(all.filter((text) => text === 'build a').length, 1);
      assert.equal(all.filter((text) => text === 'cache a').length, 1);
    });

    it('wait for each other, saying for whom', async () => {
      const spec = fakeTool(folder.path, 'a');
      const path = await built(spec);
      rmSync(path);
      let child: Promise<string[]> | undefined;
      const waiting = await withLock(
        join(dirname(path), 'lock'),
        {},
        () => new Promise<ToolEvent>((resolve) => (child = eventsOf(start(spec), resolve))),
      );
      assert.deepEqual(await child, ['waiting a', 'building a', 'build a', 'finished']);
      assert.ok(waiting.kind === 'phase' && waiting.detail.includes(`process ${process.pid} `));
    });

    it('go on after one was killed', async () => {
      const spec = fakeTool(folder.path, 'a');
      const path = await built(spec);
      rmSync(path);
      const dead = spawnSync(process.execPath, ['-e', '0']).pid;
      writeFileSync(join(dirname(path), 'lock', `${dead}.unknown.left`), '');
      await ensure([spec]);
      assert.deepEqual(shortly(events), ['building a', 'build a', 'finished']);
    });
  });

  describe('PATH', () => {
    const onPath = (...folders: string[]) => (process.env['PATH'] = [...folders, process.env['PATH']].join(':'));
    const bin = (name: string) => join(folder.path, name);

    it('wins with a fitting version, even behind one that does not fit', async () => {
      script(bin('old'), 'a', 'echo fake v1.1.0');
      script(bin('broken'), 'a', 'exit 3');
      const fitting = script(bin('new'), 'a', 'echo fake v1.2.9');
      onPath(bin('old'), bin('broken'), bin('new'));
      assert.equal((await ensure([fakeTool(folder.path, 'a')])).get('a'), fitting);
      assert.deepEqual(shortly(events), ['path a', 'finished']);
    });

    it('is passed over when only other versions are there', async () => {
      script(bin('old'), 'a', 'echo fake v1.1.0');
      onPath(bin('old'));
      await ensure([fakeTool(folder.path, 'a')]);
      assert.deepEqual(shortly(events), ['building a', 'build a', 'finished']);
    });

    it('is not looked at with PROX_OPS_TOOLS_FROM_PATH=0', async () => {
      script(bin('new'), 'a', `touch ${bin('asked')}; echo fake v1.2.9`);
      onPath(bin('new'));
      process.env['PROX_OPS_TOOLS_FROM_PATH'] = '0';
      await ensure([fakeTool(folder.path, 'a')]);
      assert.deepEqual(shortly(events), ['building a', 'build a', 'finished']);
      assert.ok(!readdirSync(folder.path).includes('asked'));
    });
  });

  describe('Go', () => {
    it('when missing is reported once, for all tools that need it, before anything is built', async () => {
      const specs = [fakeTool(folder.path, 'a'), fakeTool(folder.path, 'b', { go: '1.26.1' })];
      process.env['PATH'] = folder.path;
      await assert.rejects(ensure(specs), {
        name: 'ToolsError',
        message: /a v1\.2\.3, b v1\.2\.3: .*expected Go >= 1\.26\.1 on PATH, found none\. Install Go/,
      });
    });

    it('when too old is reported with the version that was found', async () => {
      script(join(folder.path, 'bin'), 'go', 'echo go1.20.1; echo linux; echo amd64');
      process.env['PATH'] = join(folder.path, 'bin');
      await assert.rejects(ensure([fakeTool(folder.path, 'a')]), /expected Go >= 1\.21 on PATH, found go1\.20\.1/);
    });

    it('too old for the last tool stops the run before the first is built', async () => {
      const specs = [fakeTool(folder.path, 'a'), fakeTool(folder.path, 'b', { go: '1.999' })];
      await assert.rejects(ensure(specs), /^ToolsError: b v1\.2\.3: .*expected Go >= 1\.999/);
      assert.deepEqual(shortly(events), ['failed b']);
    });

    it('is not needed for what is on PATH', async () => {
      const program = script(join(folder.path, 'bin'), 'a', 'echo fake v1.2.3');
      process.env['PATH'] = join(folder.path, 'bin');
      assert.equal((await ensure([fakeTool(folder.path, 'a')])).get('a'), program);
    });
  });

  describe('the official download', () => {
    const program = '#!/bin/sh\necho fake v1.2.3\n';
    const rightSum = createHash('sha256').update(program).digest('hex');
    const wrongSum = '0'.repeat(64);

    /** Serves the program and a checksum file; counts the requests. */
    async function site(
      checksum: string,
      use: (download: { url: string; checksumUrl: string }, asked: string[]) => Promise<void>,
    ) {
      const asked: string[] = [];
      const server = createServer((request, response) => {
        asked.push(request.url ?? '');
        response.end(request.url === '/a' ? program : checksum);
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/a`;
      try {
        await use({ url, checksumUrl: `${url}.sha256` }, asked);
      } finally {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
    }

    it('is taken where it answers, and needs no Go', async () => {
      const spec = fakeTool(folder.path, 'a');
      process.env['PATH'] = folder.path;
      await site(rightSum, async (download) => {
        const path = (await ensure([{ ...spec, download }])).get('a') ?? '';
        assert.equal(readFileSync(path, 'utf8'), program);
        assert.deepEqual(
          shortly(events).filter((text) => !text.startsWith('downloading')),
          ['download a', 'finished'],
        );
      });
    });

    it('falls through to the build when its checksum is another one', async () => {
      await site(wrongSum, async (download) => {
        await ensure([{ ...fakeTool(folder.path, 'a'), download }]);
        const told = shortly(events).filter((text) => !text.startsWith('downloading'));
        assert.match(told.shift() ?? '', /note a: no download: .*expected SHA-256/);
        assert.deepEqual(told, ['building a', 'build a', 'finished']);
      });
    });

    it('falls through to the build when nobody answers', async () => {
      const url = 'http://127.0.0.1:1/a';
      await ensure([{ ...fakeTool(folder.path, 'a'), download: { url, checksumUrl: `${url}.sha256` } }]);
      assert.ok(shortly(events).some((text) => /note a: no download: 127\.0\.0\.1:1 is out of reach/.test(text)));
      assert.ok(shortly(events).includes('build a'));
    });

    it('is not asked for with PROX_OPS_TOOLS_DOWNLOAD=0', async () => {
      process.env['PROX_OPS_TOOLS_DOWNLOAD'] = '0';
      await site(rightSum, async (download, asked) => {
        await ensure([{ ...fakeTool(folder.path, 'a'), download }]);
        assert.deepEqual(asked, []);
        assert.ok(shortly(events).includes('build a'));
      });
    });
  });

  describe('bad input', () => {
    it('of an unknown tool names those there are', async () => {
      await assert.rejects(ensureTools(['helm' as 'etcd']), /expected tools among pulumi, .*, found helm/);
    });

    it('of a switch names its values', async () => {
      process.env['PROX_OPS_TOOLS_FROM_PATH'] = 'no';
      await assert.rejects(
        ensureTools(['etcd']),
        /PROX_OPS_TOOLS_FROM_PATH: expected 0 \(off\) or 1 \(on\), found "no"/,
      );
    });

    it('of a cache that cannot be written says what to set', async () => {
      writeFileSync(join(folder.path, 'file'), '');
      const cache = join(folder.path, 'file', 'cache');
      await assert.rejects(
        ensure([fakeTool(folder.path, 'a')], { cacheDir: cache }),
        /cannot be written .*set PROX_OPS_CACHE/,
      );
    });
  });
});
