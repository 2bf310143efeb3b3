import type { Settings } from '../contract.js';
import { Fenced, messageOf } from '../runtime/errors.js';
import { until, WaitTimeout } from '../runtime/waiting.js';
import { withoutKnown, type Baseline } from './baseline.js';
import type { Check, CheckContext, CheckResult } from './check.js';
import { dnsCheck } from './dns.js';
import { fluxCheck } from './flux.js';
import { gpuCheck } from './gpu.js';
import { networkCheck } from './network.js';
import { nodesCheck } from './nodes.js';
import { podsCheck } from './pods.js';
import { storageCheck } from './storage.js';

/** The health checks of a cluster, in the order in which they are told (R004-FR7). */
export const CHECKS: readonly Check[] = [
  nodesCheck,
  podsCheck,
  storageCheck,
  fluxCheck,
  dnsCheck,
  networkCheck,
  gpuCheck,
];

export interface CheckReport {
  id: string;
  describe: string;
  how: string;
  result: CheckResult;
}

export interface HealthReport {
  ok: boolean;
  passed: number;
  /** Checks that apply to this cluster. */
  total: number;
  /** `7/7 checks passed`, with what was skipped or what was still wrong. */
  summary: string;
  checks: CheckReport[];
}

export type HealthLimits = Pick<Settings, 'healthTimeout' | 'healthCheckTimeout' | 'healthPasses' | 'healthTries'>;

/** Longest gap between two rounds of checks, in milliseconds. */
const ROUND_EVERY = 5_000;

/**
 * One round of all checks, each within `healthCheckTimeout`. What a check throws is its failure.
 * @param baseline what was wrong before, and is not held against anybody now.
 * @throws Fenced alone: whoever holds the lease now decides.
 */
export async function runChecks(
  ctx: CheckContext,
  checks: readonly Check[] = CHECKS,
  baseline: Baseline = {},
): Promise<HealthReport> {
  const limit = ctx.settings.healthCheckTimeout;
  const reports = await Promise.all(
    checks.map(async (check) => {
      const { id, describe, how } = check;
      return { id, describe, how, result: withoutKnown(check, await runOne(check, ctx, limit), baseline) };
    }),
  );
  return summarise(reports);
}

async function runOne(check: Check, ctx: CheckContext, seconds: number): Promise<CheckResult> {
  const timer = new AbortController();
  const late = ctx.clock
    .delay(seconds * 1000, timer.signal)
    .then((): CheckResult => ({ outcome: 'fail', expected: check.describe, found: `no result within ${seconds} s` }));
  const result = check.run(ctx).catch((error: unknown): CheckResult => {
    if (error instanceof Fenced) throw error;
    return { outcome: 'fail', expected: check.describe, found: messageOf(error) };
  });
  // Stopping the timer rejects `late`, which nobody reads any more.
  late.catch(() => undefined);
  try {
    return await Promise.race([result, late]);
  } finally {
    timer.abort();
  }
}

function summarise(checks: CheckReport[]): HealthReport {
  const total = checks.filter(({ result }) => result.outcome !== 'skipped').length;
  const passed = checks.filter(({ result }) => result.outcome === 'pass').length;
  const wrong = checks.flatMap(({ id, result }) => (result.outcome === 'fail' ? [`${id}: ${result.found}`] : []));
  const left = checks.flatMap(({ id, result }) => (result.outcome === 'skipped' ? [`${id}: ${result.why}`] : []));
  const skipped = left.length > 0 ? ` (skipped ${left.join('; ')})` : '';
  const before = checks.flatMap(({ id, result }) =>
    result.outcome === 'pass' && result.before !== undefined ? [`${id}: ${result.before}`] : [],
  );
  const known = before.length > 0 ? ` (broken before, and still: ${before.join('; ')})` : '';
  const summary = `${passed}/${total} checks passed${wrong.length > 0 ? `; ${wrong.join('; ')}` : skipped}${known}`;
  return { ok: wrong.length === 0, passed, total, summary, checks };
}

/**
 * Runs the checks until they all pass `healthPasses` times in a row; any failure starts the count again. The time is
 * divided into `healthTries` tries, and each that ends in failure is told.
 * @returns the last round: ok, or what was still wrong when the time was up.
 */
export async function awaitHealthy(
  ctx: CheckContext,
  options: {
    signal: AbortSignal;
    report: (message: string) => void;
    checks?: readonly Check[];
    baseline?: Baseline | undefined;
  },
): Promise<HealthReport> {
  const { healthTries, healthTimeout } = ctx.settings;
  const round = new Rounds(ctx, options.checks ?? CHECKS, options.baseline);
  for (let attempt = 1; ; attempt++) {
    try {
      const timeout = (healthTimeout * 1000) / healthTries;
      return await until({
        clock: ctx.clock,
        signal: options.signal,
        timeout,
        every: ROUND_EVERY,
        look: () => round.look(),
      });
    } catch (error) {
      if (!(error instanceof WaitTimeout)) throw error;
      options.report(`try ${attempt} of ${healthTries}: ${error.waiting}`);
      if (attempt === healthTries) return round.last ?? summarise([]);
    }
  }
}

class Rounds {
  last: HealthReport | undefined;
  private passes = 0;

  constructor(
    private readonly ctx: CheckContext,
    private readonly checks: readonly Check[],
    private readonly baseline: Baseline | undefined,
  ) {}

  async look(): Promise<{ done: HealthReport } | { waiting: string }> {
    const report = await runChecks(this.ctx, this.checks, this.baseline);
    this.last = report;
    // What was well has changed since: the network may have, too.
    if (!report.ok && this.passes > 0) this.ctx.probe?.forget();
    this.passes = report.ok ? this.passes + 1 : 0;
    const { healthPasses } = this.ctx.settings;
    if (this.passes >= healthPasses) return { done: report };
    return {
      waiting: report.ok ? `${report.summary}, ${this.passes} of ${healthPasses} times in a row` : report.summary,
    };
  }
}
