import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import { parseDocument } from 'yaml';
import { generations } from '../support/engine-cluster';
import { EngineLab } from '../support/engine-lab';
import { holds } from '../support/verdict';

const CONTROL_PLANES = ['k8s-ctrl-1', 'k8s-ctrl-2', 'k8s-ctrl-3'];
const WORKER = 'k8s-work-1';
const WORKERS = [WORKER, 'k8s-work-4', 'k8s-work-14'];
const BASE = 117;

/** Path below `config`, and the new value. */
type Edit = [path: string[], value: unknown];

const ofNode = (...path: string[]): string[] => ['prox-ops:nodes', WORKER, ...path];

/** One of each kind of write to a VM, and configurations. */
const IN_PLACE: Edit[] = [
  [ofNode('tags'), ['rack-2']],
  [ofNode('onBoot'), false],
  [ofNode('startup'), { order: 7, upDelay: 30 }],
  [ofNode('hardware', 'dataDisk'), 250],
  [ofNode('trunk'), { vlans: [62, 81] }],
  [ofNode('labels'), { rack: 'two' }],
  [['prox-ops:talos', 'registryMirrors'], { 'mirror.test': ['http://10.0.0.1:5000'] }],
  [['prox-ops:talos', 'kubelet'], { extraArgs: { 'max-pods': '200' } }],
];

/** What a machine that is restarted or replaced would leave in the world's log. */
const RESTARTS = /^(vm\.(created|started|stopped|stop-requested|deleted)|machine\.down)$/;

describe('R003-2 changes of the stack file that replace no node, on the real engine', () => {
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

  /** Makes changes as a person would, on top of what was there at first. */
  function change(...edits: Edit[]): void {
    const document = parseDocument(unchanged);
    for (const [path, value] of edits) document.setIn(['config', ...path], document.createNode(value));
    writeFileSync(engine.stackFile, document.toString({ lineWidth: 0 }));
  }

  /** Runs something, and asserts that no machine was restarted, replaced or moved meanwhile. */
  async function undisturbed(act: () => Promise<void>): Promise<void> {
    const before = generations(engine);
    const { events } = engine.lab.world;
    const since = events.all().length;
    await act();
    const restarts = events
      .all()
      .slice(since)
      .filter(({ type }) => RESTARTS.test(type));
    assert.deepEqual(restarts, []);
    assert.deepEqual(generations(engine), before);
    await holds(engine);
  }

  async function labelsOf(node: string): Promise<Record<string, string>> {
    const config = new KubeConfig();
    config.loadFromString(await engine.lab.parts.kubernetes.adminKubeconfig());
    return (await config.makeApiClient(CoreV1Api).readNode({ name: node })).metadata?.labels ?? {};
  }

  it('a smaller disk is refused by the preview, before anything is touched', async () => {
    change([['prox-ops:nodes', WORKER, 'hardware'], { disk: 80 }]);
    await undisturbed(async () => {
      const up = await engine.proxOps('up');
      assert.notEqual(up.code, 0);
      assert.match(up.output, /k8s-work-1: expected a disk scsi0 of 100 GiB or more.*found 80/);
    });
    change();
  });

  it('what replaces no node is done by `up` as all machines run', async () => {
    change(...IN_PLACE);
    await undisturbed(async () => {
      const up = await engine.proxOps('up');
      assert.equal(up.code, 0, up.output);
    });
    const vm = engine.lab.status().vms.find(({ name }) => name === WORKER);
    const hardware = engine.lab.parts.proxmox.hardware(vm?.vmid ?? 0);
    assert.deepEqual([hardware?.disks.map(({ bytes }) => bytes / 2 ** 30), hardware?.nics.length], [[100, 250], 4]);
    assert.equal((await labelsOf(WORKER)).rack, 'two');
    const again = await engine.pulumi(['preview', '--expect-no-changes']);
    assert.equal(again.code, 0, again.output);
  });

  it('a roll applies a configuration that changed, and replaces nothing', async () => {
    unchanged = readFileSync(engine.stackFile, 'utf8');
    change([['prox-ops:nodes', WORKER, 'labels'], { rack: 'three' }]);
    await undisturbed(async () => {
      const roll = await engine.proxOps('roll', '--yes');
      assert.equal(roll.code, 0, roll.output);
    });
    assert.equal((await labelsOf(WORKER)).rack, 'three');
  });
});
