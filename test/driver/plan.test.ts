import assert from 'node:assert/strict';
import type { EngineEvent, OpType } from '@pulumi/pulumi/automation';
import { ChangeSet } from '../../driver/changes';
import { planFrom } from '../../driver/plan';
import { UNKNOWN } from '../../operations/src/index';

const CLUSTER = 'urn:pulumi:lab::prox-ops::prox-ops:cluster:Cluster';

function component(node: string): string {
  return `${CLUSTER}$prox-ops:node:TalosNode::${node}`;
}

function step(op: OpType, type: string, name: string, parent: string, inputs = {}, before?: object): EngineEvent {
  const urn = `${CLUSTER}$prox-ops:node:TalosNode$${type}::${name}`;
  const state = {
    urn,
    type,
    parent,
    inputs,
    id: name,
    custom: true,
    delete: false,
    protect: false,
    initErrors: [],
    outputs: {},
    provider: '',
  };
  const old = { ...state, inputs: before ?? inputs };
  const metadata = {
    op,
    urn,
    type,
    old: op === 'create' ? undefined : old,
    new: op === 'delete' ? undefined : state,
    logical: true,
    provider: '',
  };
  return { sequence: 0, timestamp: 0, resourcePreEvent: { metadata } } as unknown as EngineEvent;
}

function vm(op: OpType, node: string, role: string, vmId: number, before = 'v1.11.3', after = 'v1.12.4'): EngineEvent {
  const inputs = (talos: string) => ({ vmId, tags: ['prox-ops', role], description: `Talos ${talos}, schematic abc` });
  return step(op, 'proxmoxve:index/vmLegacy:VmLegacy', `${node}-vm`, component(node), inputs(after), inputs(before));
}

function turn(op: OpType, node: string): EngineEvent {
  return step(op, 'pulumi-nodejs:dynamic/prox-ops:RolloutTurn', `${node}-turn`, component(node), {});
}

function planOf(...events: EngineEvent[]) {
  const changes = new ChangeSet();
  for (const event of events) changes.add(event);
  return planFrom(changes);
}

describe('driver/plan', () => {
  it('R000-1 puts control planes first, whatever the order of the preview', () => {
    const plan = planOf(
      vm('replace', 'w1', 'worker', 8004),
      vm('replace', 'c2', 'controlplane', 8002),
      vm('replace', 'w0', 'worker', 8003),
      vm('replace', 'c1', 'controlplane', 8001),
    );
    assert.deepEqual(
      plan.nodes.map((node) => node.name),
      ['c1', 'c2', 'w0', 'w1'],
    );
  });

  it('says from which release to which, and why', () => {
    const [node] = planOf(vm('replace', 'w1', 'worker', 8004)).nodes;
    assert.equal(node?.from, 'v1.11.3');
    assert.equal(node?.to, 'v1.12.4');
    assert.deepEqual(node?.why, ['Talos v1.11.3 -> v1.12.4']);
  });

  it('says what else differs: of the description, and properties of the VM', () => {
    const inputs = (kubernetes: string, memory: number) => ({
      vmId: 8004,
      tags: ['worker'],
      description: `Talos v1.11.3, schematic abc, Kubernetes ${kubernetes}`,
      memory: { dedicated: memory },
    });
    const type = 'proxmoxve:index/vmLegacy:VmLegacy';
    const event = step('replace', type, 'w1-vm', component('w1'), inputs('v1.34.2', 2), inputs('v1.34.1', 1));
    Object.assign(event.resourcePreEvent?.metadata ?? {}, {
      detailedDiff: { description: {}, 'memory.dedicated': {} },
    });
    assert.deepEqual(planOf(event).nodes[0]?.why, ['another Kubernetes', 'memory changed']);
  });

  it('targets every resource of a node, unchanged ones too', () => {
    const [node] = planOf(vm('replace', 'w1', 'worker', 8004), turn('same', 'w1')).nodes;
    assert.equal(node?.urns.length, 2);
  });

  it('a node whose turn was interrupted before its VM went is finished, not replaced', () => {
    const event = vm('same', 'w1', 'worker', 8004, 'v1.11.3', 'v1.11.3');
    const [node] = planOf(event, turn('replace', 'w1'), turn('create-replacement', 'w1')).nodes;
    assert.equal(node?.action, 'finish');
  });

  it('a node that never joined is still to come, whatever there is of its VM', () => {
    for (const op of ['same', 'replace'] as const) {
      const [node] = planOf(vm(op, 'w1', 'worker', 8004, 'v1.11.3', 'v1.11.3'), turn('create', 'w1')).nodes;
      assert.equal(node?.action, 'add');
    }
  });

  it('the release is known where the description is not yet, because the schematic is another', () => {
    const inputs = { vmId: 8004, tags: ['worker'], description: 'Talos v1.11.3, schematic abc' };
    const type = 'proxmoxve:index/vmLegacy:VmLegacy';
    const changed = step('replace', type, 'w1-vm', component('w1'), { ...inputs, description: UNKNOWN }, inputs);
    const gateType = 'pulumi-nodejs:dynamic/prox-ops:HealthGate';
    const wanted = { release: { talos: 'v1.11.3', kubernetes: 'v1.34.1', schematic: UNKNOWN } };
    const [node] = planOf(changed, step('replace', gateType, 'w1-gate', component('w1'), wanted, wanted)).nodes;
    assert.deepEqual([node?.from, node?.to, node?.action], ['v1.11.3', 'v1.11.3', 'replace']);
  });

  it('an update of a lifecycle resource stores inputs and is no turn', () => {
    const plan = planOf(vm('same', 'w1', 'worker', 8004), turn('update', 'w1'));
    assert.deepEqual(plan.nodes, []);
    assert.equal(plan.inPlace.length, 1);
  });

  it('a template that nobody uses any more goes at the end, not before the nodes', () => {
    const plan = planOf(step('delete', 'proxmoxve:index/vmLegacy:VmLegacy', 'template-a-thor', CLUSTER, {}));
    assert.deepEqual(plan.prepare, []);
    assert.equal(plan.inPlace.length, 1);
  });

  it('another Talos alone can be installed in place; anything else of the VM, or another Kubernetes, cannot', () => {
    const gate = (from: string, to: string) =>
      step(
        'replace',
        'pulumi-nodejs:dynamic/prox-ops:HealthGate',
        'w1-gate',
        component('w1'),
        release(to),
        release(from),
      );
    const release = (kubernetes: string) => ({ release: { kubernetes } });
    const replaced = (paths: string[]) => {
      const event = vm('replace', 'w1', 'worker', 8004);
      Object.assign(event.resourcePreEvent?.metadata ?? {}, { diffs: paths });
      return event;
    };
    const needs = (paths: string[], to = 'v1.34.1') =>
      planOf(replaced(paths), turn('delete-replaced', 'w1'), gate('v1.34.1', to)).nodes[0]?.needsReplacement;
    assert.deepEqual(needs(['description', 'clone.vmId']), []);
    assert.deepEqual(needs(['description', 'memory.dedicated']), ['memory.dedicated changed']);
    assert.deepEqual(needs(['description'], 'v1.34.2'), ['Kubernetes v1.34.1 -> v1.34.2']);
  });

  it('another Kubernetes alone is told, and is a turn of its own where the VM stays: an adopted one', () => {
    const gate = (from: string, to: string) => {
      const inputs = (kubernetes: string) => ({ release: { kubernetes } });
      return step(
        'update',
        'pulumi-nodejs:dynamic/prox-ops:HealthGate',
        'w1-gate',
        component('w1'),
        inputs(to),
        inputs(from),
      );
    };
    const adopted = planOf(vm('same', 'w1', 'worker', 8004, 'v1.11.3', 'v1.11.3'), gate('v1.34.1', 'v1.34.2'));
    assert.deepEqual(
      adopted.nodes.map(({ action, kubernetes }) => [action, kubernetes]),
      [['kubernetes', { from: 'v1.34.1', to: 'v1.34.2', alone: true }]],
    );
    assert.deepEqual(adopted.inPlace, []);
    const own = planOf(vm('replace', 'w1', 'worker', 8004, 'v1.11.3', 'v1.11.3'), gate('v1.34.1', 'v1.34.2')).nodes[0];
    assert.deepEqual([own?.action, own?.kubernetes?.alone], ['replace', true]);
    const both = planOf(vm('replace', 'w1', 'worker', 8004), gate('v1.34.1', 'v1.34.2')).nodes[0];
    assert.equal(both?.kubernetes?.alone, false);
    const stored = planOf(vm('same', 'w1', 'worker', 8004, 'v1.11.3', 'v1.11.3'), gate('v1.34.1', 'v1.34.1'));
    assert.deepEqual(stored.nodes, []);
  });

  it('a replacement that has begun is not finished in place', () => {
    const [node] = planOf(vm('replace', 'w1', 'worker', 8004), turn('create-replacement', 'w1')).nodes;
    assert.deepEqual(node?.needsReplacement, ['its replacement has begun']);
  });

  it('an unchanged stack plans nothing', () => {
    const plan = planOf(vm('same', 'w1', 'worker', 8004), turn('same', 'w1'));
    assert.deepEqual(plan, { nodes: [], prepare: [], inPlace: [] });
  });

  it('a provider is never prepared: as a target it would take nodes along that the program describes no more', () => {
    const shared = (type: string, name: string) => step('update', type, name, CLUSTER);
    const plan = planOf(
      shared('pulumi:providers:pulumi-nodejs', 'default'),
      shared('pulumi:providers:proxmoxve', 'proxmox'),
      shared('proxmoxve:download/file:File', 'image'),
    );
    assert.deepEqual(
      plan.prepare.map(({ name }) => name),
      ['image'],
    );
    assert.deepEqual(
      plan.inPlace.map(({ name }) => name),
      ['proxmox'],
    );
  });
});
