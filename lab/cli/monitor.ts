import { resolve } from 'node:path';
import { EXIT } from '../daemon/errors.js';
import type { Judgement } from '../monitor/index.js';
import { clientOf, type Output, type Target } from './context.js';
import { judgementExitCode, judgementText } from './verdict-view.js';

export interface MonitorCommandOptions {
  json?: boolean;
  wait?: boolean;
  announce?: string;
  workersOut?: number;
  scan?: string[];
}

/** Shows the safety monitor's judgement, after telling it what it has to know. */
export async function monitor(target: Target, options: MonitorCommandOptions, { out }: Output): Promise<number> {
  const client = clientOf(target);
  for (const path of options.scan ?? []) await client.ask('POST', '/monitor/scan', { path: resolve(path) });
  if (options.announce !== undefined) {
    await client.ask('POST', '/monitor/announce', { what: options.announce });
    out(`the monitor was told: ${options.announce}`);
    return EXIT.done;
  }
  if (options.workersOut !== undefined) {
    await client.ask('POST', '/monitor/workers-out', { count: options.workersOut });
    out(`the monitor was told: up to ${options.workersOut} worker(s) may be out at the same time`);
    return EXIT.done;
  }
  if (options.wait) await client.ask('POST', '/monitor/wait');
  const judgement = await client.ask<Judgement>('GET', '/monitor');
  out(options.json ? JSON.stringify(judgement, undefined, 2) : judgementText(judgement));
  return judgementExitCode(judgement);
}
