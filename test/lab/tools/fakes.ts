import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ToolEvent } from '../../../lab/tools/progress';
import type { ToolSpec } from '../../../lab/tools/spec';

/** Makes a folder for one test and removes it afterwards. To be called inside a `describe`. */
export function temporaryFolder(): { readonly path: string } {
  const folder = { path: '' };
  beforeEach(() => {
    folder.path = mkdtempSync(join(tmpdir(), 'prox-ops-tools-'));
  });
  afterEach(() => {
    rmSync(folder.path, { recursive: true, force: true });
  });
  return folder;
}

/** Gives each test the environment as it was before it. To be called inside a `describe`. */
export function restoredEnvironment(): void {
  let before: NodeJS.ProcessEnv = {};
  beforeEach(() => {
    before = { ...process.env };
    delete process.env['PROX_OPS_TOOLS_FROM_PATH'];
    delete process.env['PROX_OPS_TOOLS_DOWNLOAD'];
  });
  afterEach(() => {
    process.env = before;
  });
}

/** A tool whose Go module, written into `folder`, is a program of three lines that says it is `says`. */
export function fakeTool(
  folder: string,
  name: string,
  { says = 'v1.2.3', source = goSource(says), go = '1.21' } = {},
): ToolSpec {
  const moduleDir = join(folder, 'modules', name);
  mkdirSync(moduleDir, { recursive: true });
  writeFileSync(join(moduleDir, 'go.mod'), `module prox-ops.test/${name}\n\ngo ${go}\n`);
  writeFileSync(join(moduleDir, 'main.go'), source);
  return {
    name,
    version: 'v1.2.3',
    accepts: { from: 'v1.2.3', below: '1.3.0' },
    probe: { args: ['--version'], pattern: /^fake (v\S+)/m },
    recipe: { moduleDir, packagePath: `prox-ops.test/${name}`, ldflags: '' },
  };
}

function goSource(says: string): string {
  return `package main\n\nfunc main() { println("fake ${says}") }\n`;
}

/** Puts a shell script of that name into `folder`. */
export function script(folder: string, name: string, body: string): string {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, name);
  writeFileSync(file, `#!/bin/sh\n${body}\n`);
  chmodSync(file, 0o755);
  return file;
}

/** Events in short: 'ready build a', 'phase waiting a', 'note a: …'. */
export function shortly(events: readonly ToolEvent[]): string[] {
  return events.map((event) => {
    switch (event.kind) {
      case 'phase':
        return `${event.phase} ${event.name}`;
      case 'note':
        return `note ${event.name}: ${event.text}`;
      case 'ready':
        return `${event.source} ${event.name}`;
      case 'failed':
        return `failed ${event.name}`;
      case 'finished':
        return 'finished';
    }
  });
}
