import { pause } from '../protocol/timing.js';
import type { Deadline } from '../protocol/timing.js';
import { HttpError } from './api.js';
import type { Api } from './api.js';

interface TaskStatus {
  status: string;
  exitstatus?: string;
}

export interface TaskOptions {
  deadline: Deadline;
  /** Another HTTP status that only means: not yet. */
  ignoreStatus?: number;
  /** Where the warnings of a task that succeeded with warnings go. */
  warn(message: string): void;
}

/**
 * Waits for a Proxmox task: looks at once, then every second.
 * @throws Error with the exit status and the task's log when it failed or the deadline passed.
 */
export async function waitForTask(api: Api, upid: string, options: TaskOptions): Promise<void> {
  const path = taskPath(upid);
  for (;;) {
    const status = await taskStatus(api, path, upid, options);
    if (status && status.status !== 'running') return finish(api, path, upid, status.exitstatus ?? '', options);
    if (options.deadline.passed) throw new Error(`timeout while waiting for task "${upid}" to complete`);
    await pause(1);
  }
}

/** Undefined when the API cannot tell yet: a new task may be unknown for a moment (HTTP 400). */
async function taskStatus(api: Api, path: string, upid: string, options: TaskOptions): Promise<TaskStatus | undefined> {
  try {
    return await api.read<TaskStatus>(`${path}/status`);
  } catch (error) {
    if (error instanceof HttpError && (error.code === 400 || error.code === options.ignoreStatus)) return undefined;
    throw new Error(`error while waiting for task "${upid}" to complete: ${(error as Error).message}`);
  }
}

async function finish(api: Api, path: string, upid: string, exit: string, options: TaskOptions): Promise<void> {
  if (exit === 'OK') return;
  const lines = await taskLog(api, path);
  if (exit.startsWith('WARNINGS: ') && !exit.includes('ERROR')) {
    const warnings = lines.filter((line) => line.includes('WARN:'));
    const fallback = [`task "${upid}" completed with warnings (exit code: ${exit})`];
    for (const warning of warnings.length > 0 ? warnings : fallback) options.warn(warning);
    return;
  }
  const errors = lines.filter((line) => !line.includes('WARN:'));
  const log = errors.length > 0 ? `\ntask log:\n  ${errors.join('\n  ')}` : '';
  throw new Error(`task "${upid}" failed to complete with exit code: ${exit}${log}`);
}

async function taskLog(api: Api, path: string): Promise<string[]> {
  try {
    return (await api.read<{ n: number; t: string }[]>(`${path}/log`)).map((line) => line.t);
  } catch {
    // The log is a courtesy; without it the exit status still says what happened.
    return [];
  }
}

function taskPath(upid: string): string {
  const node = upid.split(':')[1];
  if (!upid.startsWith('UPID:') || !node) throw new Error(`expected a task id UPID:node:..., found '${upid}'`);
  return `nodes/${node}/tasks/${encodeURIComponent(upid).replaceAll('!', '%21')}`;
}
