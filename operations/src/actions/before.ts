import { baselineOf, type Baseline } from '../checks/baseline.js';
import type { Check, CheckContext } from '../checks/check.js';
import { dnsCheck } from '../checks/dns.js';
import { fluxCheck } from '../checks/flux.js';
import { gpuCheck } from '../checks/gpu.js';
import { podsCheck } from '../checks/pods.js';
import { runChecks, type CheckReport, type HealthReport } from '../checks/runner.js';
import { cephCheck } from '../checks/storage.js';
import type { Step } from '../step.js';
import { noteOpen, type Turn } from './turn.js';
import { openNodes } from './turnRecord.js';

/**
 * What is looked at before a node leaves, beside the other nodes, etcd and LINSTOR: whatever the health checks after the
 * turn would find. What may stay broken is written down, so that it is not held against the node; what may not is refused.
 */
export const BEFORE_CHECKS: readonly Check[] = [podsCheck, cephCheck, fluxCheck, dnsCheck, gpuCheck];

interface Failure {
  id: string;
  expected: string;
  found: string;
}

/** Failures that a turn must not begin with. */
export function standInTheWay({ checks }: HealthReport): Failure[] {
  return failed(checks, false);
}

/** Failures that are told, and not held against a turn. */
export function brokenBefore({ checks }: HealthReport): Failure[] {
  return failed(checks, true);
}

function failed(checks: readonly CheckReport[], excusable: boolean): Failure[] {
  return checks.flatMap(({ id, result }) => {
    if (result.outcome !== 'fail' || mayStay(id, result.problems) !== excusable) return [];
    return [{ id, expected: result.expected, found: result.found }];
  });
}

export function inWords(failures: readonly Failure[]): string[] {
  return failures.map(({ id, found }) => `${id}: ${found}`);
}

/** A check that did not come to an end says nothing that could be excused. */
function mayStay(id: string, problems: unknown): boolean {
  return problems !== undefined && BEFORE_CHECKS.some((check) => check.id === id && check.excusable === true);
}

/** Looks at what is wrong already. Reads alone, and never throws. */
export function lookBefore(ctx: CheckContext): Promise<HealthReport> {
  return runChecks(ctx, BEFORE_CHECKS);
}

/** Written into the lease: the join may be another process, days later. */
export async function keepBaseline(step: Step, turn: Turn, health: HealthReport): Promise<void> {
  // A node that is out already is the reason for some of what is broken by now.
  if (!turn.opened) return;
  const [mate] = openNodes(turn.record).filter(({ node }) => node !== step.node.name);
  const before = mate ? (mate.before ?? {}) : baselineFrom(health);
  if (Object.keys(before).length === 0) return;
  await noteOpen(step, { before });
  step.report(`broken before this turn, and not held against it: ${inWords(brokenBefore(health)).join('; ')}`);
}

function baselineFrom({ checks }: HealthReport): Baseline {
  return baselineOf(
    BEFORE_CHECKS.flatMap((check) => {
      const found = checks.find(({ id }) => id === check.id);
      return found ? [{ check, result: found.result }] : [];
    }),
  );
}
