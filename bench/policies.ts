import { writeFileSync } from 'node:fs';
import Table from 'cli-table3';
import { EngineLab } from '../test/support/engine-lab';
import { stackFile, WITH_POLICIES } from './scale';

const SIZES = [3, 15, 60, 200];
/** Best of so many: what disturbs a measurement only ever makes it longer. */
const REPEATS = 3;
const BASE = 119;

/** What the policy pack adds to a preview of a stack that is not built, on the real engine. */
export async function policies(): Promise<string> {
  const engine = await EngineLab.start({ base: BASE, nodes: ['k8s-ctrl-1'] });
  try {
    const init = await engine.pulumi(['stack', 'init', 'lab']);
    if (init.code !== 0) throw new Error(init.output);
    const table = new Table({
      style: { head: [], border: [] },
      head: ['nodes', 'without', 'with the pack', 'ratio', 'more per node'],
    });
    for (const nodes of SIZES) {
      writeFileSync(engine.stackFile, stackFile(nodes, BASE));
      const [without, judged] = await measure(engine);
      const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
      const more = `${((judged - without) / nodes).toFixed(0)} ms`;
      table.push([nodes, seconds(without), seconds(judged), (judged / without).toFixed(2), more]);
    }
    return table.toString();
  } finally {
    await engine.close();
  }
}

/** Milliseconds of a preview without and with the pack; taken in turns, so that both meet the same disturbances. */
async function measure(engine: EngineLab): Promise<[without: number, judged: number]> {
  let [without, judged] = [Infinity, Infinity];
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    without = Math.min(without, await preview(engine, []));
    judged = Math.min(judged, await preview(engine, WITH_POLICIES));
  }
  return [without, judged];
}

async function preview(engine: EngineLab, more: string[]): Promise<number> {
  const started = performance.now();
  const { code, output } = await engine.pulumi(['preview', ...more]);
  // The bench's hosts are there to be filled.
  if (code !== 0 && !/policy violation|\[mandatory\]/.test(output)) throw new Error(output);
  return performance.now() - started;
}
