import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import type { EngineEvent } from '@pulumi/pulumi/automation';
import { parseDocument } from 'yaml';
import { applyChange, configChanges, type ConfigChange, together, WORKER } from '../support/config-changes';
import { effectsOf, type Effects } from '../support/change-effects';
import { changeTables, isCalledNeither, type Row } from '../support/change-table';
import { generations } from '../support/engine-cluster';
import { EngineLab } from '../support/engine-lab';
import { generatedPart, withGeneratedPart } from '../support/generated-part';
import { testNetwork } from '../support/network';
import { REPOSITORY } from '../support/stack-files';
import { holds } from '../support/verdict';

const CONTROL_PLANES = ['k8s-ctrl-1', 'k8s-ctrl-2', 'k8s-ctrl-3'];
const GPU_WORKERS = ['k8s-work-4', 'k8s-work-14'];
const WORKERS = [WORKER, ...GPU_WORKERS];
const GROUPS = new Map([
  ['every node', [...CONTROL_PLANES, ...WORKERS]],
  ['every control plane', CONTROL_PLANES],
  ['every worker', WORKERS],
  ['every node with a GPU', GPU_WORKERS],
  ['every node without a GPU', [...CONTROL_PLANES, WORKER]],
]);
const SCRIPT = 'docs:config-changes';
const PAGE = join(REPOSITORY, 'docs/config-changes.md');
const BASE = 117;

/** What a machine that is restarted or replaced would leave in the world's log. */
const RESTARTS = /^(vm\.(created|started|stopped|stop-requested|deleted)|machine\.down)$/;

/** Templates of a further release come and go beside the nodes. */
function isOfNode(event: object): boolean {
  const { name, node = name } = event as { name?: string; node?: string };
  return node !== undefined && [...CONTROL_PLANES, ...WORKERS].includes(node);
}

describe('docs/config-changes.md: what a change of the stack file does, by the real engine', () => {
  const address = (production: string) => testNetwork(BASE).map(production);
  let engine: EngineLab;
  let unchanged: string;

  before(async () => {
    const nodes = [...CONTROL_PLANES, ...WORKERS];
    engine = await EngineLab.start({ base: BASE, nodes, rollout: { healthPasses: 1 }, linstor: { placeCount: 1 } });
    const up = await engine.proxOps('up');
    assert.equal(up.code, 0, up.output);
    await engine.lab.armed();
    unchanged = readFileSync(engine.stackFile, 'utf8');
  });

  after(async () => {
    await engine.close();
  });

  function change(...changes: ConfigChange[]): void {
    const document = parseDocument(unchanged);
    for (const one of changes) applyChange(document, one);
    writeFileSync(engine.stackFile, document.toString({ lineWidth: 0 }));
  }

  /** What the engine would do with a change. */
  async function previewOf(one: ConfigChange): Promise<Effects> {
    change(one);
    const log = join(engine.project, 'preview.json');
    const environment = { PROX_OPS_PLAN: '1', PULUMI_DEBUG_COMMANDS: 'true' };
    const preview = await engine.pulumi(['preview', '--event-log', log], environment);
    change();
    const events = readFileSync(log, 'utf8').trim().split('\n');
    rmSync(log);
    const effects = effectsOf(events.map((line) => JSON.parse(line) as EngineEvent));
    assert.equal(preview.code === 0, effects.refused === undefined, preview.output);
    return effects;
  }

  /** Runs something, and asserts that no machine was restarted, replaced or moved meanwhile. */
  async function undisturbed(act: () => Promise<void>): Promise<void> {
    const before = generations(engine);
    const { events } = engine.lab.world;
    const since = events.all().length;
    await act();
    const happened = events.all().slice(since);
    assert.deepEqual(
      happened.filter((event) => RESTARTS.test(event.type) && isOfNode(event)),
      [],
    );
    assert.deepEqual(generations(engine), before);
    await holds(engine);
  }

  async function labelsOf(node: string): Promise<Record<string, string>> {
    const config = new KubeConfig();
    config.loadFromString(await engine.lab.parts.kubernetes.adminKubeconfig());
    return (await config.makeApiClient(CoreV1Api).readNode({ name: node })).metadata?.labels ?? {};
  }

  /** What some of the changes are for, in the machines themselves. */
  async function seenWhereItCounts(group: ConfigChange[]): Promise<void> {
    const vm = engine.lab.status().vms.find(({ name }) => name === WORKER);
    const hardware = engine.lab.parts.proxmox.hardware(vm?.vmid ?? 0);
    const gibibytes = hardware?.disks.map(({ bytes }) => bytes / 2 ** 30);
    for (const { what } of group) {
      if (what === 'a larger system disk') assert.equal(gibibytes?.[0], 120);
      if (what === 'a larger data disk') assert.equal(gibibytes?.[1], 250);
      if (what === 'a trunk for Multus') assert.equal(hardware?.nics.at(-1)?.trunks, '62;81');
      if (what === 'a node label') assert.equal((await labelsOf(WORKER)).rack, 'two');
    }
  }

  it('the page says what the engine says', async () => {
    const topics: [title: string, rows: Row[]][] = [];
    const failures: string[] = [];
    for (const [title, changes] of configChanges(address)) {
      const ofTopic: Row[] = [];
      for (const one of changes)
        await previewOf(one).then(
          (effects) => ofTopic.push({ change: one, effects }),
          (error: unknown) => failures.push(`${one.key}, ${one.what}: ${String(error)}`),
        );
      topics.push([title, ofTopic]);
    }
    const tables = changeTables(topics, GROUPS);
    if (process.env.PROX_OPS_WRITE_DOCS === '1')
      writeFileSync(PAGE, withGeneratedPart(readFileSync(PAGE, 'utf8'), SCRIPT, tables));
    assert.deepEqual(failures, []);
    assert.equal(generatedPart(readFileSync(PAGE, 'utf8'), SCRIPT), tables);
  });

  it('nothing reboots a machine', () => {
    assert.doesNotMatch(generatedPart(readFileSync(PAGE, 'utf8'), SCRIPT), /\*\*reboots\*\*/);
  });

  it('a smaller disk is refused by the preview, before anything is touched', async () => {
    change({ key: 'nodes', what: 'by hand', edits: [[['prox-ops:nodes', WORKER, 'hardware'], { disk: 80 }]] });
    await undisturbed(async () => {
      const up = await engine.proxOps('up');
      assert.notEqual(up.code, 0);
      assert.match(up.output, /k8s-work-1: expected a disk scsi0 of 100 GiB or more.*found 80/);
    });
    change();
  });

  it('R003-2 all that the page calls neither is done by `up` as all machines run', async () => {
    const page = readFileSync(PAGE, 'utf8');
    const all = configChanges(address).flatMap(([, changes]) => changes);
    const quiet = all.filter((one) => one.notMade === undefined && isCalledNeither(page, one));
    assert.ok(quiet.length >= 25, `${quiet.length} changes are too few to be all`);
    for (const group of together(quiet)) {
      change(...group);
      await undisturbed(async () => {
        const up = await engine.proxOps('up');
        assert.equal(up.code, 0, up.output);
      });
      await seenWhereItCounts(group);
      const again = await engine.pulumi(['preview', '--expect-no-changes']);
      assert.equal(again.code, 0, again.output);
      // The next ones are made on top of these: a disk that grew does not shrink.
      unchanged = readFileSync(engine.stackFile, 'utf8');
    }
  });

  it('R003-2 a roll applies a configuration that changed, and replaces nothing', async () => {
    change({ key: 'nodes', what: 'by hand', edits: [[['prox-ops:nodes', WORKER, 'labels'], { rack: 'three' }]] });
    await undisturbed(async () => {
      const roll = await engine.proxOps('roll', '--yes');
      assert.equal(roll.code, 0, roll.output);
    });
    assert.equal((await labelsOf(WORKER)).rack, 'three');
  });
});
