import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EngineLab } from '../support/engine-lab';
import { REPOSITORY } from '../support/stack-files';

const FOLDER = join(REPOSITORY, 'docs/runbooks');
const NODES = ['k8s-ctrl-1', 'k8s-ctrl-2', 'k8s-ctrl-3', 'k8s-work-1', 'k8s-work-2', 'k8s-work-3'];
/** The one that makes the copy comes first; every other runbook is run too. */
const FIRST = ['rebuild.md'];

/** Commands in blocks marked sh, in their order. */
function commandsOf(file: string): string[] {
  const blocks = readFileSync(join(FOLDER, file), 'utf8').matchAll(/^```sh\n([\s\S]*?)^```$/gm);
  return [...blocks].flatMap(([, block = '']) => block.split('\n').filter((line) => line.trim() !== ''));
}

describe('every command of every runbook runs against the lab', () => {
  let engine: EngineLab;

  before(async () => {
    engine = await EngineLab.start({ base: 151, nodes: NODES });
    const up = await engine.proxOps('up');
    assert.equal(up.code, 0, up.output);
    await engine.lab.armed();
    // A runbook of the worst day takes the whole cluster down.
    engine.lab.monitor.disarm();
  });

  after(async () => {
    await engine?.close();
  });

  /** As a shell would run it in the project; `npx prox-ops` is this repository's. */
  function shell(command: string): Promise<{ code: number | null; output: string }> {
    const line = command.replace(
      /^npx prox-ops/,
      `"${process.execPath}" "${join(REPOSITORY, 'driver/bin/prox-ops.js')}"`,
    );
    const env = { ...engine.lab.processEnvironment(), COPY: join(engine.project, 'copy-of-the-secrets.yaml') };
    const child = spawn('bash', ['-c', line], { cwd: engine.project, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += String(chunk)));
    return new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code) => {
        resolve({ code, output });
      });
    });
  }

  const files = readdirSync(FOLDER).filter((file) => file.endsWith('.md') && !FIRST.includes(file));
  for (const file of [...FIRST, ...files]) {
    const commands = commandsOf(file);
    for (const command of commands) {
      it(`${file}: ${command}`, async () => {
        assert.match(command, /^npx prox-ops /);
        const { code, output } = await shell(command);
        assert.equal(code, 0, output);
      });
    }
  }
});
