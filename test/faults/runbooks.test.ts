import assert from 'node:assert/strict';
import { join } from 'node:path';
import { EngineLab, type Finished } from '../support/engine-lab';
import { blocksOf, namedCommands, runbooks, type Block } from '../support/runbooks';
import { NODE, Scenes } from '../support/runbook-scenes';
import { REPOSITORY } from '../support/stack-files';
import { holds } from '../support/verdict';

const NODES = ['k8s-ctrl-1', 'k8s-ctrl-2', 'k8s-ctrl-3', 'k8s-work-1', 'k8s-work-2', 'k8s-work-3'];
/** A cluster's life: built by the first, lost in the last; secrets are rotated while no release waits. */
const ORDER = [
  'build.md',
  'secrets.md',
  'rolling-replace.md',
  'in-place.md',
  'rollback.md',
  'troubleshooting.md',
  'break-glass.md',
  'rebuild.md',
];
/** From these on machines go that no rollout would take: nothing for the monitor to judge. */
const UNWATCHED = ['break-glass.md', 'rebuild.md'];
const DRIVER = `"${process.execPath}" "${join(REPOSITORY, 'driver/bin/prox-ops.js')}"`;
/** As a shell would run it in the project; `npx prox-ops` is this repository's. */
const PROLOGUE = `set -euo pipefail\nnpx() { shift; ${DRIVER} "$@"; }\n`;

describe('every command of every runbook runs against the lab', () => {
  let engine: EngineLab;
  let scenes: Scenes;

  before(async () => {
    engine = await EngineLab.start({ base: 151, nodes: NODES, rollout: { healthPasses: 1 } });
    scenes = new Scenes(engine);
  });

  after(async () => {
    await engine?.close();
  });

  it('no runbook is left out', () => {
    assert.deepEqual(runbooks().sort(), [...ORDER].sort());
  });

  for (const file of ORDER) {
    describe(file, () => {
      before(() => {
        if (UNWATCHED.includes(file)) engine.lab.monitor.disarm();
      });

      after(() => scenes.change(''));

      for (const block of blocksOf(file))
        it(title(block), async () => {
          await scenes.change(block.scene);
          const { code, output } = await shell(block);
          assert.equal(code, block.exit, output);
        });

      if (!UNWATCHED.includes(file))
        it('no invariant was violated', async () => {
          await engine.lab.armed();
          await holds(engine);
        });

      it('names only commands and options that there are', async () => {
        for (const command of namedCommands(file)) await known(command);
      });
    });
  }

  function shell({ text }: Block): Promise<Finished> {
    return engine.runWith(scenes.variables(text), 'bash', '-c', PROLOGUE + text);
  }

  /** The driver's own help of that command has each option that is named. */
  async function known(command: string): Promise<void> {
    const words = command.split(/\s+/).slice(1);
    const names = words.slice(0, words.findIndex((word) => !/^[a-z]+(-[a-z]+)*$/.test(word)) >>> 0);
    const { code, output } = await engine.proxOps(...names.filter((name) => name !== NODE), '--help');
    assert.equal(code, 0, `${command}: ${output}`);
    for (const option of words.filter((word) => word.startsWith('--')))
      assert.match(output, new RegExp(`${option}\\b`), `${command}: no option ${option}`);
  }
});

function title({ text, scene, exit }: Block): string {
  const commands = text.trim().split('\n').join('; ');
  return `${commands}${scene === '' ? '' : ` [${scene}]`}${exit === 0 ? '' : ` (exit code ${exit})`}`;
}
