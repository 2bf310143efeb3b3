import assert from 'node:assert/strict';
import type { OpType } from '@pulumi/pulumi/automation';
import type { ChangePolicyConfig } from '../../../driver/check/changePolicies';
import { judgeChanges } from '../../../driver/check/check';
import type { Change } from '../../../driver/changes';

const VM = 'proxmoxve:index/vmLegacy:VmLegacy';

interface Options {
  ops?: OpType[];
  before?: object | undefined;
  after?: object | undefined;
  retained?: boolean;
}

function change(type: string, name: string, node: string | undefined, options: Options): Change {
  const { ops = ['same'], before, after, retained } = options;
  return {
    urn: `urn:pulumi:s::p::${type}::${name}`,
    type,
    name,
    ops,
    ...(node !== undefined && { node }),
    ...(before && { before: before as Record<string, unknown> }),
    ...(after && { after: after as Record<string, unknown> }),
    ...(retained !== undefined && { retained }),
  };
}

let nextId = 8000;

function vm(node: string, role: string, options: Options & { from?: string; to?: string } = {}): Change {
  const { from = 'v1.11.3', to = from } = options;
  const vmId = (nextId += 1);
  const inputs = (talos: string) => ({ vmId, tags: ['prox-ops', role], description: `Talos ${talos}, schematic abc` });
  return change(VM, `${node}-vm`, node, { before: inputs(from), after: inputs(to), ...options });
}

const replace: OpType[] = ['create-replacement', 'replace', 'delete-replaced'];
const secrets = (options: Options) => change('talos:machine/secrets:Secrets', 'prox-ops-secrets', undefined, options);

function judge(
  changes: Change[],
  more: { open?: string[]; oneByOne?: boolean; config?: Record<string, ChangePolicyConfig | string> } = {},
) {
  const { open = [], oneByOne = false, config = {} } = more;
  const { findings, unjudged } = judgeChanges({ changes, open, oneByOne }, config);
  assert.deepEqual(unjudged, []);
  return findings.map(({ policy, message, level }) => `${level} ${policy}: ${message}`);
}

/** What waits for the update; nothing is violated meanwhile. */
function waiting(changes: Change[]): string[] {
  const { findings, unjudged } = judgeChanges({ changes, open: [], oneByOne: true }, {});
  assert.deepEqual(findings, []);
  return unjudged.map(({ policy, message, level }) => `${level} ${policy}: ${message}`);
}

/** Exactly one violation, of that policy. */
function violates(found: string[], expected: RegExp): void {
  assert.equal(found.length, 1, found.join('\n'));
  assert.match(found[0] ?? '', expected);
}

describe('driver/check/changePolicies', () => {
  it('a stack at rest violates nothing', () => {
    assert.deepEqual(judge([vm('c1', 'controlplane'), vm('w1', 'worker'), secrets({ after: {}, retained: true })]), []);
  });

  it('one-node-at-a-time: one replacement passes, two in one update do not, a rollout takes them one by one', () => {
    const one = vm('w1', 'worker', { ops: replace });
    const two = [one, vm('w2', 'worker', { ops: replace })];
    assert.deepEqual(judge([one, vm('w2', 'worker')]), []);
    violates(
      judge(two),
      /^mandatory one-node-at-a-time: expected one node VM .* found 2: w1, w2\. Replace them with: prox-ops roll/,
    );
    assert.deepEqual(judge(two, { oneByOne: true }), []);
  });

  it('one-node-at-a-time: a node that is deleted counts; templates and new nodes do not', () => {
    const gone = vm('w2', 'worker', { ops: ['delete'], after: undefined });
    violates(judge([vm('w1', 'worker', { ops: replace }), gone]), /found 2: w1, w2/);
    const template = change(VM, 'template-a', undefined, { ops: replace, before: { vmId: 1 }, after: { vmId: 1 } });
    assert.deepEqual(judge([gone, template, vm('w3', 'worker', { ops: ['create'], before: undefined })]), []);
  });

  it('no-control-plane-while-one-pends: names both, and the command', () => {
    const changes = [vm('c1', 'controlplane', { ops: ['create'] }), vm('c2', 'controlplane', { ops: replace })];
    violates(
      judge(changes, { open: ['c1'] }),
      /no-control-plane-while-one-pends: c2: expected every other control plane to be a member of etcd, found c1 half replaced\. Finish it first: prox-ops roll --nodes c1/,
    );
    assert.deepEqual(judge(changes), []);
    assert.deepEqual(judge(changes, { open: ['c1'], oneByOne: true }), []);
    assert.deepEqual(judge(changes, { open: ['c2'] }), []);
    assert.deepEqual(judge(changes, { open: ['w1'] }), []);
  });

  it('cluster-identity-kept: secrets and the state bucket are neither replaced nor deleted, and retained', () => {
    violates(
      judge([secrets({ ops: replace, after: {}, retained: true })]),
      /cluster-identity-kept: prox-ops-secrets: .* it would be replaced/,
    );
    violates(judge([secrets({ ops: ['delete'] })]), /it would be deleted/);
    violates(judge([secrets({ after: {}, retained: false })]), /expected retainOnDelete: true, found it off/);
    const bucket = change('aws:s3/bucket:Bucket', 'state', undefined, { ops: ['delete'] });
    violates(judge([bucket]), /state: expected to be kept/);
  });

  it('vm-id-not-reused: neither of a node that goes nor of one that changes its id', () => {
    const gone = change(VM, 'w1-vm', 'w1', { ops: ['delete'], before: { vmId: 42 } });
    const created = change(VM, 'w2-vm', 'w2', { ops: ['create'], after: { vmId: 42 } });
    violates(
      judge([gone, created]),
      /vm-id-not-reused: w2: expected a VM id that no other node had, found 42, which is w1's/,
    );
    const swapped = change(VM, 'w3-vm', 'w3', { before: { vmId: 43 }, after: { vmId: 44 } });
    violates(
      judge([gone, swapped, change(VM, 'w4-vm', 'w4', { ops: ['create'], after: { vmId: 43 } })]),
      /w4: .* found 43, which is w3's/,
    );
    assert.deepEqual(judge([gone, change(VM, 'w2-vm', 'w2', { ops: ['create'], after: { vmId: 45 } })]), []);
  });

  it('no-downgrade: Talos and Kubernetes, with an exception that has a last day', () => {
    const down = vm('w1', 'worker', { ops: replace, from: 'v1.12.4', to: 'v1.11.3' });
    const exceptions = (until: string) => ({
      'no-downgrade': { exceptions: [{ subject: 'w1', reason: 'rollback of a release', by: 'Ada', until }] },
    });
    violates(
      judge([down]),
      /no-downgrade: w1: expected Talos v1\.12\.4 or newer, found v1\.11\.3 \(no exception for w1\)/,
    );
    violates(judge([down], { config: exceptions('2026-01-01') }), /the exception of Ada for w1 expired on 2026-01-01/);
    assert.deepEqual(judge([down], { config: exceptions('2999-01-01') }), []);
    assert.deepEqual(judge([vm('w1', 'worker', { ops: replace, from: 'v1.9.9', to: 'v1.10.0' })]), []);
    const gate = (before: string, after: string) =>
      change('pulumi-nodejs:dynamic/prox-ops:HealthGate', 'w1-gate', 'w1', {
        before: { release: { kubernetes: before } },
        after: { release: { kubernetes: after } },
      });
    violates(judge([gate('v1.34.1', 'v1.33.9')]), /w1: expected Kubernetes v1\.34\.1 or newer, found v1\.33\.9/);
    assert.deepEqual(judge([gate('v1.34.1', 'v1.34.1')]), []);
  });

  it('no-control-plane-while-one-pends: one that is still to join counts, but not in a first build', () => {
    const fresh = (name: string) => vm(name, 'controlplane', { ops: ['create'], before: undefined });
    violates(
      judge([fresh('c4'), vm('c2', 'controlplane', { ops: replace })]),
      /c2: expected every other control plane to be a member of etcd, found c4 still to join\. .*: prox-ops roll$/,
    );
    assert.deepEqual(judge([fresh('c4'), vm('w1', 'worker', { ops: replace })]), []);
    assert.deepEqual(judge([fresh('c1'), fresh('c2'), fresh('c3')]), []);
  });

  it('no-downgrade: a description that waits for its schematic is judged by the gate, else left for the update', () => {
    const unknown = '04da6b54-80e4-46f7-96ec-b56ff0331ba9';
    const waits = { ...vm('w1', 'worker', { ops: replace, from: 'v1.12.4' }), after: { description: unknown } };
    const gate = (release: unknown) =>
      change('pulumi-nodejs:dynamic/prox-ops:HealthGate', 'w1-gate', 'w1', { ops: ['create'], after: { release } });
    violates(
      judge([waits, gate({ talos: 'v1.11.3', schematic: unknown })]),
      /no-downgrade: w1: expected Talos v1\.12\.4 or newer, found v1\.11\.3/,
    );
    assert.deepEqual(judge([waits, gate({ talos: 'v1.12.5', schematic: unknown })]), []);
    const note = 'advisory no-downgrade: w1: the Talos release is not known yet';
    assert.deepEqual(waiting([waits, gate(unknown)]), [note]);
    assert.deepEqual(waiting([waits]), [note]);
  });

  it('vm-id-not-reused: an id that is not known yet is left for the update', () => {
    const unknown = '04da6b54-80e4-46f7-96ec-b56ff0331ba9';
    assert.deepEqual(waiting([change(VM, 'w1-vm', 'w1', { ops: ['create'], after: { vmId: unknown } })]), [
      'advisory vm-id-not-reused: w1: the VM id is not known yet',
    ]);
  });

  it('control-planes-by-one: two more or less at a time; a first build and an end are free', () => {
    const rest = [vm('c1', 'controlplane'), vm('c2', 'controlplane'), vm('c3', 'controlplane')];
    const fresh = (name: string) => vm(name, 'controlplane', { ops: ['create'], before: undefined });
    violates(
      judge([...rest, fresh('c4'), fresh('c5')]),
      /control-planes-by-one: expected .* to change by one at most, found 3 -> 5/,
    );
    assert.deepEqual(judge([...rest, fresh('c4')]), []);
    assert.deepEqual(judge([fresh('c1'), fresh('c2'), fresh('c3')]), []);
    const gone = (name: string) => vm(name, 'controlplane', { ops: ['delete'], after: undefined });
    assert.ok(judge([vm('c1', 'controlplane'), gone('c2'), gone('c3')]).some((text) => /found 3 -> 1/.test(text)));
    assert.ok(!judge([gone('c1'), gone('c2')]).some((text) => text.includes('control-planes-by-one')));
  });

  it('control-planes-by-one: a worker that becomes one counts as one more', () => {
    const promoted = (name: string) => {
      const was = vm(name, 'worker', { ops: ['update'] });
      return { ...was, after: { ...was.after, tags: ['prox-ops', 'controlplane'] } };
    };
    const rest = [vm('c1', 'controlplane'), vm('c2', 'controlplane'), vm('c3', 'controlplane')];
    assert.deepEqual(judge([...rest, promoted('w1')]), []);
    violates(judge([...rest, promoted('w1'), promoted('w2')]), /found 3 -> 5/);
  });

  it('levels come from the policy configuration, one by one or for all', () => {
    const two = [vm('w1', 'worker', { ops: replace }), vm('w2', 'worker', { ops: replace })];
    violates(judge(two, { config: { 'one-node-at-a-time': 'advisory' } }), /^advisory/);
    violates(judge(two, { config: { all: { enforcementLevel: 'advisory' } } }), /^advisory/);
    assert.deepEqual(judge(two, { config: { 'one-node-at-a-time': { enforcementLevel: 'disabled' } } }), []);
  });
});
