import { z } from 'zod';
import { ALL_PHASES } from './phases';

/** Version of the events' shape. It rises when a field changes its meaning or goes; new types and fields may come. */
export const EVENT_VERSION = 1;

/** How a node's turn can end. */
export const OUTCOMES = [
  'replaced',
  'upgraded',
  'updated',
  'rebooted',
  'added',
  'removed',
  'finished',
  'refused',
  'held',
  'put back',
  'rolled back',
  'open',
] as const;

const ms = z.number().nonnegative().describe('duration in milliseconds');
const phase = z.enum(ALL_PHASES);
const node = z.string().describe("the node's name");
const message = z.string().optional();

const runNode = z.object({
  name: z.string(),
  role: z.string().describe('controlplane or worker'),
  from: z.string().optional().describe('Talos release it runs; absent for a node that is new'),
  to: z.string(),
  expectedMs: ms.optional().describe('how long its turn is expected to take, by earlier runs'),
});

const TOPICS = [
  'reachability',
  'lock',
  'node',
  'etcd',
  'version',
  'budget',
  'pod',
  'scheduling',
  'storage',
  'health',
  'template',
  'proxmox',
] as const;

const finding = z.object({
  severity: z.enum(['blocker', 'warning']),
  topic: z.enum(TOPICS),
  node: z.string().optional().describe('the node whose turn it concerns; absent: every turn'),
  object: z.string().describe('what it is about'),
  expected: z.string(),
  found: z.string(),
  remedy: z.string().describe('what to do about it'),
});

const actor = z.object({
  name: z.string(),
  source: z.string().describe('where the name is from: an environment variable, or login'),
  user: z.string().describe('account of the process'),
  host: z.string(),
  pid: z.number(),
  job: z.string().optional().describe('address of the CI job'),
});

const stage = z.string().describe('machines, cluster, workloads ...');

const fluxObject = z.object({
  kind: z.string().describe('a source, Kustomization or HelmRelease'),
  name: z.string().describe('namespace/name'),
  ready: z.boolean(),
  suspended: z.boolean().describe("not reconciled, at somebody's wish"),
  message: z.string().describe('of its condition Ready: what it waits for'),
});

/** Every event that a run has: to the live view, to the audit trail and to programs (`--json`). */
export const runEvent = z.discriminatedUnion('type', [
  z
    .object({
      type: z.literal('run.opened'),
      command: z.string(),
      stack: z.string(),
      actor,
      arguments: z.array(z.string()),
      options: z.record(z.string(), z.unknown()).describe('options of the command line'),
      reason: z.string().optional().describe('--reason'),
    })
    .describe('a command has begun: who, what and why'),
  z
    .object({
      type: z.literal('run.started'),
      runId: z.string(),
      command: z.string(),
      stack: z.string(),
      holder: z.string(),
      nodes: z.array(runNode),
      parallel: z
        .number()
        .optional()
        .describe('at most so many workers out at the same time, as was asked for; absent: one node at a time'),
    })
    .describe('the plan is confirmed: from here on something is changed'),
  z.object({ type: z.literal('run.reconciled'), what: z.string() }).describe('what an interrupted run had left'),
  z.object({ type: z.literal('run.interrupted'), message: z.string() }).describe('Ctrl-C, or a signal to end'),
  z
    .object({
      type: z.literal('preflight'),
      blockers: z.array(finding),
      warnings: z.array(finding),
      replicas: z
        .record(z.string(), z.object({ count: z.number(), bytes: z.number() }))
        .describe('what LINSTOR has to move, by node'),
    })
    .describe('what the plan will meet (docs/plan.md); nothing is changed yet'),
  z.object({ type: z.literal('prepare.started'), resources: z.number() }),
  z.object({ type: z.literal('prepare.finished'), ms }),
  z
    .object({
      type: z.literal('batch.started'),
      nodes: z.array(z.string()),
      limit: z.number().describe('at most so many at the same time, as was asked for'),
    })
    .describe('several workers are taken out at the same time'),
  z.object({ type: z.literal('stage.started'), stage }),
  z
    .object({ type: z.literal('stage.finished'), stage, ms })
    .describe('a part of a run that is about the whole cluster and no single node'),
  z
    .object({ type: z.literal('flux'), objects: z.array(fluxObject) })
    .describe('Flux as it stands, at first and whenever something has changed'),
  z.object({
    type: z.literal('node.started'),
    node,
    index: z.number().describe('its place in the run, from 0'),
    of: z.number(),
    from: z.string().optional(),
    to: z.string(),
  }),
  z.object({ type: z.literal('phase.started'), node, phase }),
  z.object({ type: z.literal('phase.finished'), node, phase, ms }),
  z.object({ type: z.literal('rollback.started'), node, from: z.string(), to: z.string(), why: z.string() }),
  z.object({ type: z.literal('progress'), node: node.optional(), message: z.string() }),
  z.object({ type: z.literal('node.finished'), node, outcome: z.enum(OUTCOMES), ms, message }),
  z
    .object({ type: z.literal('notice'), subject: z.string(), message: z.string() })
    .describe('something beside the run went wrong: a message not sent, a report not written'),
  z.object({
    type: z.literal('run.finished'),
    outcome: z.enum(['done', 'nothing to do', 'stopped', 'failed']),
    ms,
    exitCode: z.number().int(),
    message,
  }),
]);

const envelope = z.object({
  v: z.literal(EVENT_VERSION),
  run: z.string().describe("the run's id; sorts by time"),
  at: z.iso.datetime().describe('UTC'),
});

/** One line of an event log. */
export const recordedEvent = z.intersection(envelope, runEvent);

/** No secret is ever in one. */
export type RunEvent = z.infer<typeof runEvent>;
export type RunNode = z.infer<typeof runNode>;
export type Actor = z.infer<typeof actor>;
export type Recorded = RunEvent & z.infer<typeof envelope>;

/**
 * upgraded, rebooted: in place, the VM was kept. updated: another Kubernetes, the machine ran on. added, removed: for good. refused: nothing was begun. held: nothing was begun, another run has the lease. put back: what was taken down is back.
 * rolled back: the node runs its previous release again. open: the node is out of the cluster, or not healthy.
 */
export type Outcome = (typeof OUTCOMES)[number];

const GOOD: Outcome[] = ['replaced', 'upgraded', 'updated', 'rebooted', 'added', 'removed', 'finished'];

/** Whether a node's turn did what it was to do. */
export function isGood(outcome: string | undefined): boolean {
  return GOOD.some((good) => good === outcome);
}
