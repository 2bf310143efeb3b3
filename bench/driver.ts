import Table from 'cli-table3';
import { FASTEST, REALISTIC, type Durations } from '../lab/world/durations';
import { EngineLab } from '../test/support/engine-lab';

const BASE = 121;
const NODES = ['k8s-ctrl-1', 'k8s-ctrl-2', 'k8s-ctrl-3', 'k8s-work-1', 'k8s-work-2', 'k8s-work-3'];
const SUBJECTS = ['k8s-ctrl-2', 'k8s-work-1'];
const RELEASES = { fast: 'v1.12.4', realistic: 'v1.12.5' };

/** Milliseconds of a node's turn, and of its phases. */
interface Turn {
  node: string;
  ms: number;
  phases: Record<string, number>;
}

/**
 * The driver's own time for a node: a turn in which every machine does at once what it is asked to, so that what is left is
 * engine, program, steps and waiting for an answer. Then the same nodes with machines that take as long as real ones.
 */
export async function driver(): Promise<string> {
  const durations: Durations = { ...FASTEST };
  const engine = await EngineLab.start({ base: BASE, nodes: NODES, durations, rollout: { strategy: 'replace' } });
  try {
    await succeeded(engine, 'up');
    await engine.lab.armed();
    const fast = await turns(engine, RELEASES.fast);
    Object.assign(durations, REALISTIC);
    const realistic = await turns(engine, RELEASES.realistic);
    return report(fast, realistic);
  } finally {
    await engine.close();
  }
}

async function turns(engine: EngineLab, release: string): Promise<Turn[]> {
  await succeeded(engine, 'release', release);
  const found: Turn[] = [];
  for (const node of SUBJECTS) found.push(await turn(engine, node));
  return found;
}

/** From the run's own events, as its reports have them. */
async function turn(engine: EngineLab, node: string): Promise<Turn> {
  const output = await succeeded(engine, 'roll', '--yes', '--json', '--nodes', node);
  const events = output.split('\n').flatMap((line) => {
    if (!line.startsWith('{')) return [];
    return [JSON.parse(line) as { type: string; node?: string; phase?: string; ms?: number }];
  });
  const phases = events.filter(({ type }) => type === 'phase.finished');
  const ms = events.find(({ type }) => type === 'node.finished')?.ms;
  if (ms === undefined) throw new Error(output);
  return { node, ms, phases: Object.fromEntries(phases.map(({ phase = '', ms: took = 0 }) => [phase, took])) };
}

async function succeeded(engine: EngineLab, ...args: string[]): Promise<string> {
  const { code, stdout, output } = await engine.proxOps(...args);
  if (code !== 0) throw new Error(output);
  return stdout;
}

function report(fast: Turn[], realistic: Turn[]): string {
  const table = new Table({
    style: { head: [], border: [] },
    head: ['node', 'machines at once', 'of it in steps', 'realistic machines', "driver's own share"],
  });
  for (const [index, own] of fast.entries()) {
    const real = realistic[index]?.ms ?? NaN;
    const steps = Object.values(own.phases).reduce((sum, ms) => sum + ms, 0);
    const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
    const share = `${((own.ms / real) * 100).toFixed(0)} %`;
    table.push([own.node, seconds(own.ms), seconds(steps), seconds(real), share]);
  }
  const idle = fast.reduce(
    (sum, { ms, phases }) => sum + ms - Object.values(phases).reduce((all, one) => all + one, 0),
    0,
  );
  const engine = `${(idle / fast.length / 1000).toFixed(1)} s`;
  return `${table.toString()}\nOutside of all steps, a node: ${engine} (engine, program, state). A node may take 360 s (R004-NFR).`;
}
