import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { duration } from '../../driver/views/format';
import { EngineLab } from '../support/engine-lab';
import { generatedPart, withGeneratedPart } from '../support/generated-part';
import {
  armedAgain,
  coreApi,
  handedOut,
  inService,
  kubectl,
  makeVolumesAgain,
  stagesOf,
  worksWith,
  type Credentials,
} from '../support/rebuilding';
import { REPOSITORY } from '../support/stack-files';
import { holds } from '../support/verdict';

const PAGE = join(REPOSITORY, 'docs/runbooks/rebuild.md');
const SCRIPT = 'docs:rebuild';
const PROD = parse(readFileSync(join(REPOSITORY, 'Pulumi.prod.yaml'), 'utf8')) as {
  config: { 'prox-ops:nodes': Record<string, unknown> };
};
const NODES = Object.keys(PROD.config['prox-ops:nodes']);
/** Volumes that are lost never become healthy: that long is waited for them. */
const IMPATIENT = { healthTimeout: 180, healthTries: 1, healthPasses: 2, healthCheckTimeout: 20 };

/** In their order; a rebuild with an empty etcd has not all of them. */
const STEPS = [
  'prox-ops destroy',
  'machines',
  'etcd from the snapshot',
  'what the snapshot brought back',
  'cluster',
  'identity',
  'workloads',
  'lost volumes made again, workloads healthy',
];

interface Row {
  step: string;
  /** Milliseconds. */
  empty?: number | undefined;
  restored?: number | undefined;
}

/**
 * The worst day of the whole production inventory, twice: with an empty etcd and from a snapshot. It prints how long each
 * step took, and with PROX_OPS_WRITE_DOCS=1 puts that into the runbook.
 */
describe('R002 the production cluster of 15 nodes is destroyed and rebuilt', () => {
  let engine: EngineLab;
  let old: Credentials;
  let snapshot: string;
  const rows = new Map<string, Row>(STEPS.map((step) => [step, { step }]));

  before(async () => {
    assert.equal(NODES.length, 15);
    engine = await EngineLab.start({ base: 159, nodes: NODES, rollout: IMPATIENT });
    snapshot = join(engine.project, 'etcd.db');
    await inService(engine, 'up');
    old = await handedOut(engine);
    await holds(engine);
  });

  after(async () => {
    await engine?.close();
  });

  function note(kind: 'empty' | 'restored', step: string, ms: number): void {
    rows.set(step, { ...rows.get(step), step, [kind]: ms });
  }

  async function timed<T>(kind: 'empty' | 'restored', step: string, act: () => Promise<T>): Promise<T> {
    const began = Date.now();
    const result = await act();
    note(kind, step, Date.now() - began);
    return result;
  }

  /** The whole cluster goes on purpose: what was watched until then is judged first. */
  async function destroyed(kind: 'empty' | 'restored'): Promise<void> {
    await holds(engine);
    engine.lab.monitor.disarm();
    const { code, output } = await timed(kind, 'prox-ops destroy', () => engine.proxOps('destroy', '--yes'));
    assert.equal(code, 0, output);
    assert.deepEqual(engine.lab.status().vms, []);
  }

  it('with an empty etcd: the same cluster, healthy, old credentials work', async () => {
    await destroyed('empty');
    const armed = armedAgain(engine);
    const rebuilt = await engine.proxOps('rebuild', '--yes', '--json');
    assert.equal(rebuilt.code, 0, rebuilt.output);
    for (const { stage, ms } of stagesOf(rebuilt)) note('empty', stage, ms);
    await armed;
    await worksWith(engine, old, NODES);
    await holds(engine);
  });

  it('from a snapshot: what was only in etcd is back, lost volumes are named and made again, it is in service', async () => {
    const body = { metadata: { name: 'only-in-etcd' }, data: { said: 'by hand' } };
    await (await coreApi(engine)).createNamespacedConfigMap({ namespace: 'default', body });
    const saved = await engine.proxOps('snapshot', snapshot);
    assert.equal(saved.code, 0, saved.output);
    await destroyed('restored');
    const armed = armedAgain(engine);
    const rebuilt = await engine.proxOps('rebuild', '--yes', '--json', '--snapshot', snapshot);
    assert.equal(rebuilt.code, 4, rebuilt.output);
    for (const { stage, ms } of stagesOf(rebuilt)) note('restored', stage, ms);
    assert.match(rebuilt.output, /snapshot: restored/);
    const said = await kubectl(engine, old, 'get', 'configmap', 'only-in-etcd', '-o', 'jsonpath={.data.said}');
    assert.equal(said, 'by hand');
    await timed('restored', STEPS.at(-1) ?? '', async () => {
      const lost = await makeVolumesAgain(engine);
      assert.notDeepEqual(lost, []);
      for (const name of lost) assert.match(rebuilt.output, new RegExp(`LOST: ${name}`));
      const health = await engine.proxOps('health', '--wait');
      assert.equal(health.code, 0, health.output);
    });
    await armed;
    await worksWith(engine, old, NODES);
    await holds(engine);
  });

  it('the runbook tells how long each step took in the lab', () => {
    const text = timeline([...rows.values()]);
    process.stdout.write(`\n${text}\n\n`);
    if (process.env.PROX_OPS_WRITE_DOCS === '1')
      writeFileSync(PAGE, withGeneratedPart(readFileSync(PAGE, 'utf8'), SCRIPT, text));
    const quoted = generatedPart(readFileSync(PAGE, 'utf8'), SCRIPT);
    for (const { step } of rows.values()) assert.ok(quoted.includes(`| ${step} `), `${PAGE} does not tell of: ${step}`);
  });
});

function timeline(rows: Row[]): string {
  const cell = (ms: number | undefined) => (ms === undefined ? '-' : duration(ms));
  const lines = [
    ['step', 'empty etcd', 'from a snapshot'],
    ...rows.map(({ step, empty, restored }) => [step, cell(empty), cell(restored)]),
  ];
  const widths = [0, 1, 2].map((column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const row = (cells: string[]) => `| ${cells.map((text, column) => text.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  const [head = [], ...body] = lines;
  const where =
    `15 nodes in the lab with durations at their fastest, ${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'}), ` +
    `${new Date().toISOString().slice(0, 10)}:`;
  return [where, '', row(head), rule, ...body.map(row)].join('\n');
}
