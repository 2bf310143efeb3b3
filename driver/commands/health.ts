import {
  awaitHealthy,
  connect,
  realClock,
  runChecks,
  stepSettings,
  type CheckReport,
  type HealthReport,
} from '@prox-ops/operations';
import Table from 'cli-table3';
import { clusterAccess } from '../access';
import { ExitCode } from '../exit';
import { openStack } from '../project';
import { stackConfig } from '../stackFile';
import { projectFrom, type CommonOptions } from './options';

export interface HealthCommandOptions extends CommonOptions {
  wait?: boolean;
}

/** `prox-ops health`: the checks that follow every node's turn, once or until they pass. Changes nothing. */
export async function healthCommand(options: HealthCommandOptions): Promise<ExitCode> {
  const stack = await openStack(projectFrom(options));
  const config = await stackConfig(stack);
  const access = await clusterAccess(stack, config);
  const session = await connect(access, realClock);
  const context = { session, access, settings: stepSettings(config), clock: realClock };
  const report = await (options.wait === true
    ? awaitHealthy(context, {
        signal: new AbortController().signal,
        report: (message) => void process.stderr.write(`${message}\n`),
      })
    : runChecks(context));
  process.stdout.write(`${options.json === true ? JSON.stringify(report, null, 2) : healthText(report)}\n`);
  return report.ok ? ExitCode.ok : ExitCode.blocked;
}

function healthText({ checks, summary }: HealthReport): string {
  const table = new Table({
    head: ['', 'check', 'found'],
    style: { head: [], border: [], compact: true },
    wordWrap: true,
  });
  for (const { id, result } of checks) table.push([MARKS[result.outcome], id, told(result)]);
  return `${table.toString()}\n${summary}`;
}

const MARKS = { pass: '✓', fail: '✗', skipped: '-' } as const;

function told(result: CheckReport['result']): string {
  if (result.outcome === 'fail') return `expected ${result.expected}; found ${result.found}`;
  return result.outcome === 'pass' ? result.found : `skipped: ${result.why}`;
}
