import assert from 'node:assert/strict';
import { openNodes } from '@prox-ops/operations';
import { leaseText } from '../../driver/commands/status';
import { asLeftBatch } from '../../driver/leftTogether';
import { messageFor } from '../../driver/notify/messages';
import type { PlannedNode, RollPlan } from '../../driver/plan';
import { planMarkdown } from '../../driver/planMarkdown';
import type { Outlook } from '../../driver/planOutlook';
import { planJson, planText } from '../../driver/planView';
import { htmlReport } from '../../driver/reports/html';
import { reportOf } from '../../driver/reports/model';
import { stepSummary } from '../../driver/reports/stepSummary';
import { reportText } from '../../driver/reports/table';
import { runTimeline } from '../../driver/reports/timeline';
import { runEnvironment } from '../../driver/rollUpdate';
import { GATE_TYPE, StackState, VM_TYPE } from '../../driver/state';
import type { RunEvent } from '../../driver/events';
import { nodesOf, OPENED, START, recorded, started, timed } from '../support/events';

function worker(name: string, vmId: number): PlannedNode {
  const release = { from: 'v1.11.3', to: 'v1.12.4' };
  return {
    name,
    role: 'worker',
    vmId,
    ...release,
    action: 'replace',
    needsReplacement: [],
    why: [],
    urns: [],
    known: true,
  };
}

const NODES = [worker('w1', 1), worker('w2', 2), worker('w3', 3)];
const PLAN: RollPlan = { nodes: NODES, prepare: [], inPlace: [] };
const OUTLOOK: Outlook = { blockers: [], warnings: [], replicas: {}, expected: {} };
const TOGETHER: Outlook = {
  ...OUTLOOK,
  together: {
    parallel: 2,
    batches: [{ nodes: NODES.slice(0, 2) }, { nodes: NODES.slice(2), alone: 'no other worker is left to go with it' }],
  },
};

describe('driver: several workers at a time', () => {
  it('without it the plan says what it ever said', () => {
    assert.match(planText(PLAN, OUTLOOK), /^One at a time, in this order\. The VM is the point of no return\.$/m);
    assert.match(planMarkdown('lab', PLAN, OUTLOOK), /, one at a time\.\*\*|, one at a time\./);
    assert.ok(!('batches' in planJson('lab', PLAN, OUTLOOK)) && !('parallel' in planJson('lab', PLAN, OUTLOOK)));
  });

  it('the plan says which go together, and why one goes alone', () => {
    const text = planText(PLAN, TOGETHER);
    assert.match(
      text,
      /In this order, up to 2 workers at the same time where nothing speaks against it, as was asked for/,
    );
    assert.match(text, /^ {2}1\. w1, w2: at the same time$/m);
    assert.match(text, /^ {2}2\. w3 alone: no other worker is left to go with it$/m);
    const { parallel, batches } = planJson('lab', PLAN, TOGETHER) as { parallel: number; batches: unknown };
    assert.equal(parallel, 2);
    assert.deepEqual(batches, [
      { nodes: ['w1', 'w2'] },
      { nodes: ['w3'], alone: 'no other worker is left to go with it' },
    ]);
    assert.match(planMarkdown('lab', PLAN, TOGETHER), /up to 2 workers at a time, as was asked for[^]*\| w1, w2 +\|/);
  });

  it('the run’s steps are told of a batch, and of nothing where there is none', () => {
    assert.deepEqual(runEnvironment({ runId: 'r' }), { PROX_OPS_RUN_ID: 'r' });
    assert.deepEqual(runEnvironment({ runId: 'r', batch: ['w1', 'w2'] }), {
      PROX_OPS_RUN_ID: 'r',
      PROX_OPS_BATCH: 'w1,w2',
    });
  });

  it('status names every node that is out, and a lease of one node as ever', () => {
    const lease = { holder: '', run: 'r', renewedAt: 0, acquiredAt: 0, seconds: 30, transitions: 0 };
    const out = (node: string, step: string) => ({ node, vm: '', step, evacuated: false, places: {} });
    const one = { ...lease, open: out('w1', 'drain') };
    assert.equal(
      leaseText({ lease: one }),
      'Rollout: nobody is at it; node w1 is out of the cluster, last step: drain.',
    );
    assert.equal(asLeftBatch(one), undefined);
    const two = { ...one, mates: [out('w2', 'gate')], batch: ['w1', 'w2'] };
    assert.match(leaseText({ lease: two }), /node w1 .* drain; node w2 is out of the cluster, last step: gate\.$/);
    assert.deepEqual(
      openNodes(asLeftBatch(two) ?? {}).map(({ node }) => node),
      ['w1', 'w2'],
    );
    assert.equal(asLeftBatch({ ...lease, batch: ['w1', 'w2'] }), undefined);
  });

  it('a VM whose last look has been had may be about to go, whatever the state says of it', () => {
    const parent = 'urn:pulumi:lab::prox-ops::prox-ops:cluster:Cluster$prox-ops:node:TalosNode::w1';
    const resource = (type: string, pendingReplacement: boolean) => ({
      urn: `urn:pulumi:lab::prox-ops::${type}::w1-${type.length}`,
      type,
      parent,
      ...(pendingReplacement && { pendingReplacement }),
    });
    const stateOf = (turnGone: boolean, gateGone: boolean) =>
      new StackState({
        version: 3,
        deployment: {
          resources: [
            resource('pulumi-nodejs:dynamic/prox-ops:RolloutTurn', turnGone),
            resource(GATE_TYPE, gateGone),
            resource(VM_TYPE, false),
          ],
        },
      });
    const cases = [stateOf(false, false), stateOf(true, false), stateOf(true, true)];
    assert.deepEqual(
      cases.map((state) => [state.openNodes().includes('w1'), state.hasVm('w1'), state.isPastLastLook('w1')]),
      [
        [false, true, false],
        [true, true, false],
        [true, true, true],
      ],
    );
  });

  describe('the reports', () => {
    const begun: RunEvent = { ...(started(nodesOf(5)) as Extract<RunEvent, { type: 'run.started' }>), parallel: 2 };
    const [a, b] = ['k8s-work-1', 'k8s-work-2'] as const;
    const events = timed(
      [0, OPENED],
      [100, begun],
      [900, { type: 'batch.started', nodes: [a, b], limit: 2 }],
      [1000, { type: 'node.started', node: a, index: 3, of: 5, to: 'v1.12.4' }],
      [1000, { type: 'phase.started', node: a, phase: 'drain' }],
      [3000, { type: 'phase.finished', node: a, phase: 'drain', ms: 2000 }],
      [3000, { type: 'node.started', node: b, index: 4, of: 5, to: 'v1.12.4' }],
      [3000, { type: 'phase.started', node: b, phase: 'drain' }],
      [5000, { type: 'phase.finished', node: b, phase: 'drain', ms: 2000 }],
      [5000, { type: 'phase.started', node: a, phase: 'create VM' }],
      [5100, { type: 'phase.started', node: b, phase: 'create VM' }],
      [9000, { type: 'phase.finished', node: a, phase: 'create VM', ms: 4000 }],
      [9500, { type: 'phase.finished', node: b, phase: 'create VM', ms: 4400 }],
      [10_000, { type: 'node.finished', node: a, outcome: 'replaced', ms: 9000 }],
      [11_000, { type: 'node.finished', node: b, outcome: 'replaced', ms: 8000 }],
      [11_000, { type: 'run.finished', outcome: 'done', ms: 11_000, exitCode: 0 }],
    );
    const report = reportOf(events);

    it('repeat that it was asked for', () => {
      assert.equal(report.parallel, 2);
      assert.match(reportText(report), /^Up to 2 workers out at the same time, as was asked for\.$/m);
      assert.match(htmlReport(report, events), /<dt>At a time<\/dt><dd>up to 2 workers, as was asked for<\/dd>/);
      assert.match(stepSummary(events), /up to 2 workers out at the same time, as was asked for/);
      const message = messageFor(recorded(begun, START), { stack: 'lab', started: false, finished: 0, of: 5 });
      assert.match(message?.title ?? '', /begins, up to 2 workers out at the same time/);
      assert.ok(!('parallel' in reportOf([recorded(started(nodesOf(5)), START)])));
    });

    it('show both nodes’ phases side by side in the timeline, none of them failed', () => {
      const { rows } = runTimeline(report);
      assert.deepEqual(
        rows.map(({ node }) => node.name),
        [a, b],
      );
      for (const { bars } of rows) assert.ok(bars.every(({ state }) => state === 'finished'));
      const [first, second] = rows.map(({ bars }) => bars.find(({ phase }) => phase === 'create VM'));
      assert.ok(first && second && second.left > first.left && second.left < first.left + first.width);
    });
  });
});
