import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { programCommand } from '../../../lab/launchers/program';
import { ProgramInfo, RunRequest } from '@pulumi/pulumi/proto/language_pb';
import { temporaryFolder } from './fakes';

const PRELOAD = require.resolve('../../../lab/launchers/lean-sdk');
const run = promisify(execFile);

describe('what programs have loaded before their own', () => {
  const folder = temporaryFolder();

  async function evaluate(code: string, cwd = process.cwd()): Promise<string> {
    const { stdout } = await run(process.execPath, ['--require', PRELOAD, '--eval', code], { cwd });
    return stdout.trim();
  }

  it("keeps npm's dependency resolver out of a program that never packs code", async () => {
    const loaded = `Object.keys(require.cache).filter((file) => file.includes('arborist')).length`;
    assert.equal(await evaluate(`require('@pulumi/pulumi'); console.log(${loaded})`), '0');
  });

  it('still lets a program pack its code', async () => {
    mkdirSync(join(folder.path, 'node_modules', 'left'), { recursive: true });
    writeFileSync(join(folder.path, 'package.json'), '{"name":"p","version":"1.0.0","dependencies":{"left":"1.0.0"}}');
    writeFileSync(join(folder.path, 'node_modules', 'left', 'package.json'), '{"name":"left","version":"1.0.0"}');
    writeFileSync(join(folder.path, 'node_modules', 'left', 'index.js'), '');
    const sdk = JSON.stringify(require.resolve('@pulumi/pulumi'));
    const found = await evaluate(
      `require(${sdk}).runtime.computeCodePaths().then((paths) => console.log([...paths.keys()].join(' ')))`,
      folder.path,
    );
    assert.match(found, /node_modules\/left/);
  });

  it('is named before the SDK', () => {
    const info = new ProgramInfo().setRootDirectory('.').setProgramDirectory(process.cwd()).setEntryPoint('.');
    const { args } = programCommand(new RunRequest().setInfo(info), '127.0.0.1:2', [PRELOAD]);
    assert.deepEqual(args.slice(0, 2), ['--require', PRELOAD]);
  });
});
