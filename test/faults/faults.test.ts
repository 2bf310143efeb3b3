import assert from 'node:assert/strict';
import { FAULTS, type FaultName } from '../../lab/world/faults';
import type { Phase } from '../../driver/phases';
import { cordoned, generations, nodesOf, seen, talosVersions } from '../support/engine-cluster';
import { testNetwork } from '../support/network';
import { Turns } from '../support/turns';
import { holds } from '../support/verdict';

/** Short enough to wait for, long enough for a busy machine. */
const PATIENCE = {
  drainTimeout: 15,
  drainAttempts: 1,
  nodeReadyTimeout: 60,
  etcdTimeout: 30,
  healthTimeout: 30,
  healthTries: 1,
  healthCheckTimeout: 15,
  maxRemediations: 1,
  // What is shown here is that running on converges; test/faults/rollback shows the other way.
  rollback: 'manual',
};
const STORAGE = { evacuationTimeout: 20, settleTimeout: 20 };

const BASE = 118;
const NODE = 'k8s-work-2';
const OTHER = 'k8s-work-1';
const CONTROL_PLANE = 'k8s-ctrl-2';

interface Case {
  fault: FaultName;
  /** Of a node that has such: one that was just replaced has no pods but those of its DaemonSets, and no replica. */
  with?: 'pods' | 'replicas';
  /** The node whose turn it is. */
  node?: string;
  /** The fault's own node, where it is another one. */
  subject?: string;
  /** Set when this step of the node's turn begins: the preflight has seen nothing of it. */
  at: Phase;
  /** Strikes; for ever when absent. */
  count?: number;
  /** Exit code of the first run, and what it says. */
  code: number;
  says: RegExp;
}

const CASES: Case[] = [
  { fault: 'clone-lock', subject: NODE, at: 'drain', count: 1, code: 4, says: /can't lock file/ },
  { fault: 'clone-task-fails', subject: NODE, at: 'drain', count: 1, code: 4, says: /clone/ },
  {
    fault: 'boot-stalls',
    subject: NODE,
    at: 'drain',
    count: 1,
    code: 0,
    says: /stalled .*reboot 1 of 1 through Talos/,
  },
  { fault: 'pdb-never-allows', with: 'pods', at: 'turn', code: 3, says: /the node empty within 1 attempts of 15 s/ },
  { fault: 'pod-never-terminates', with: 'pods', at: 'turn', code: 3, says: /1 pods left: \S+ \(ending\)/ },
  // The node is back in service; the storage is not well for another reason, so that no other node may go.
  {
    fault: 'resource-faulty',
    subject: OTHER,
    at: 'drain',
    code: 4,
    says: /nothing faulty in LINSTOR before an evacuation/,
  },
  // R000-7: what does not settle after the node is back is no success.
  {
    fault: 'resource-faulty',
    subject: OTHER,
    at: 'restore',
    code: 4,
    says: /(nothing faulty in LINSTOR|LINSTOR settled) after the node came back/,
  },
  { fault: 'satellite-never-back', subject: NODE, at: 'create VM', code: 4, says: /satellite/ },
  { fault: 'sync-stuck', with: 'replicas', at: 'drain', code: 4, says: /no replica left on the node within 20 s/ },
  { fault: 'proxmox-timeout', at: 'drain', code: 3, says: /an answer from Proxmox/ },
  {
    fault: 'snapshot-truncated',
    node: CONTROL_PLANE,
    at: 'drain',
    code: 3,
    says: /a whole etcd snapshot|a snapshot of etcd/,
  },
  // R001-2: as often as the settings say, then a clear end.
  {
    fault: 'never-ready',
    subject: NODE,
    at: 'create VM',
    code: 4,
    says: /reboot 1 of 1 through Talos[^]*Ready within 60 s[^]*after 1 reboots/,
  },
];

/** Faults of the lab that no other file of this folder has, each in the middle of a turn that had nothing against it. */
describe('every fault in the middle of a replacement: it stops or goes on as it should, and running again converges', () => {
  let turns: Turns;

  before(async () => {
    turns = await Turns.start(BASE, PATIENCE, STORAGE);
  });

  after(async () => {
    await turns?.engine.close();
  });

  for (const { fault, with: holding, node: own, subject, at, count, code, says } of CASES) {
    it(`${fault} at ${at}: exit ${code}`, async () => {
      const { faults } = turns.engine.lab;
      const node = own ?? (await subjectOf(holding));
      const first = await turns.disturbed(
        node,
        at,
        () => {
          faults.set(fault, FAULTS[fault].scope === 'none' ? undefined : (subject ?? node), count);
        },
        () => {
          faults.clear();
        },
      );
      assert.equal(first.code, code, first.output);
      assert.match(first.output, says);
    });
  }

  async function subjectOf(holding: Case['with']): Promise<string> {
    if (holding === undefined) return NODE;
    const [node] = holding === 'pods' ? await nodesOf(turns.engine, 'shop', 'web') : await nodesWithReplicas();
    return node ?? assert.fail(`no node with ${holding}`);
  }

  async function nodesWithReplicas(): Promise<string[]> {
    const response = await fetch(`${testNetwork(BASE).linstorUrl}/v1/view/resources`);
    const resources = (await response.json()) as { node_name: string; flags?: string[] }[];
    return resources.filter(({ flags = [] }) => flags.length === 0).map(({ node_name }) => node_name);
  }

  it('R001-3 stays-in-maintenance: exit 4 without a reboot, and what to do; a rollback is one way on', async () => {
    const { engine } = turns;
    const target = await turns.releaseFor(NODE);
    const first = await failedOnce('stays-in-maintenance');
    assert.match(first, /Talos stays in maintenance mode[^]*talosctl apply-config --insecure[^]*prox-ops rollback/);
    assert.doesNotMatch(first, /reboot 1 of/);
    const back = await engine.proxOps('rollback', NODE, '--yes');
    assert.equal(back.code, 0, back.output);
    await engine.proxOps('rollback', NODE, '--clear');
    const again = await engine.proxOps('roll', '--yes', '--nodes', NODE);
    assert.equal(again.code, 0, again.output);
    assert.equal(talosVersions(engine)[NODE], target);
    await holds(engine);
  });

  it('never-ready: a node that one release left out is finished with another one', async () => {
    const { engine } = turns;
    await turns.releaseFor(NODE);
    await failedOnce('never-ready');
    const other = await turns.releaseFor(NODE);
    const again = await engine.proxOps('roll', '--yes', '--nodes', NODE);
    assert.equal(again.code, 0, again.output);
    assert.equal(talosVersions(engine)[NODE], other);
    await holds(engine);
  });

  /** A roll of the node that stops with it out of the cluster; then the fault is gone. @returns what it said. */
  async function failedOnce(fault: FaultName): Promise<string> {
    const { engine } = turns;
    engine.lab.faults.set(fault, NODE);
    const { code, output } = await engine.proxOps('roll', '--yes', '--nodes', NODE);
    engine.lab.faults.clear();
    assert.equal(code, 4, output);
    return output;
  }

  it('R000-7 resource-faulty at the start: exit 2, and nothing is begun', async () => {
    const { engine } = turns;
    await turns.releaseFor(NODE);
    const before = generations(engine);
    engine.lab.faults.set('resource-faulty', OTHER);
    const roll = await engine.proxOps('roll', '--yes', '--json', '--nodes', NODE);
    engine.lab.faults.clear();
    assert.equal(roll.code, 2, roll.output);
    assert.match(roll.output, /faulty/);
    assert.doesNotMatch(roll.output, /"phase\.started"|"prepare\.started"/);
    assert.deepEqual(generations(engine), before);
    assert.equal(await cordoned(engine, NODE), false);
    await holds(engine);
  });

  it('R000-7 satellite-never-back: the next node is untouched, and the run after it does both', async () => {
    const { engine } = turns;
    const [first, next] = turns.workersAlike();
    const target = await turns.releaseFor(first, next);
    const before = generations(engine);
    const driver = engine.begin('roll', '--yes', '--json', '--nodes', first, next);
    const finished = engine.finished(driver);
    await seen(driver, new RegExp(`"phase\\.started","node":"${first}","phase":"create VM"`));
    engine.lab.faults.set('satellite-never-back', first);
    const { code, output } = await finished;
    assert.equal(code, 4, output);
    assert.doesNotMatch(output, new RegExp(`"node\\.started","node":"${next}"`));
    assert.equal(generations(engine)[next], before[next]);
    assert.equal(await cordoned(engine, next), false);
    engine.lab.faults.clear();
    const again = await engine.proxOps('roll', '--yes', '--nodes', first, next);
    assert.equal(again.code, 0, again.output);
    for (const node of [first, next]) assert.equal(talosVersions(engine)[node], target);
    await holds(engine);
  });

  it('host-offline: exit 3, since a VM on a silent host cannot be known', async () => {
    const host = turns.engine.lab.status().vms.find(({ name }) => name === NODE)?.host;
    const { faults } = turns.engine.lab;
    const first = await turns.disturbed(
      NODE,
      'drain',
      () => {
        faults.set('host-offline', host);
      },
      () => {
        faults.clear();
      },
    );
    assert.equal(first.code, 3, first.output);
  });

  // The last one: what is gone by another hand does not come back.
  it('vm-id-reused: the machine that has the id now is not touched', async () => {
    const { engine } = turns;
    // Its evacuation takes a moment, in which the id changes hands.
    const node = await subjectOf('replicas');
    await turns.releaseFor(node);
    const driver = engine.begin('roll', '--yes', '--json', '--nodes', node, '--strategy', 'replace');
    const finished = engine.finished(driver);
    await seen(driver, new RegExp(`"phase\\.started","node":"${node}","phase":"evacuate"`));
    const { vmid } = engine.lab.status().vms.find(({ name }) => name === node) ?? assert.fail();
    engine.lab.faults.set('vm-id-reused', node);
    const { code, output } = await finished;
    assert.ok(code === 3 || code === 4, output);
    // Replicas that had moved before: the last look names the stranger. Others never move off a machine that is no more.
    assert.match(output, /accounting-db-|no replica left on the node within 20 s/);
    const again = await engine.proxOps('roll', '--yes', '--nodes', node);
    assert.notEqual(again.code, 0, again.output);
    const stranger = engine.lab.status().vms.find((vm) => vm.vmid === vmid);
    assert.deepEqual([stranger?.name, stranger?.running], [`accounting-db-${vmid}`, true], again.output);
    assert.ok(!(node in generations(engine)));
    const others = ['k8s-work-1', 'k8s-work-2', 'k8s-work-3'].filter((name) => name !== node);
    for (const other of others) assert.equal(await cordoned(engine, other), false);
    await holds(engine);
  });
});
