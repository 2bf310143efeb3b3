import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { endWithEngine } from './endWithEngine.js';

/** A process that can be told from a later one under the same number. */
export interface ProcessId {
  pid: number;
  /** Start time, as the system writes it; empty where it could not be read. */
  start: string;
}

/** Who holds the lease, in enough detail to prove from the same machine that it is gone. */
export interface Holder extends ProcessId {
  host: string;
  /** Boot and PID namespace: a PID says something only within these. */
  scope: string;
  /** The engine that started this process, and what lies between: when one of them is gone, nobody waits for the step. */
  engine: ProcessId[];
}

/** What is known of processes; injected so that tests can end an engine without having one. */
export interface Processes {
  /** This process. */
  self(): Holder;
  /** False once the engine that started this process is gone. */
  engineAlive(): boolean;
  /** From now on this process ends when its engine is gone. */
  endWithEngine(): void;
  /** True when it is proved that the holder can do nothing any more; false when it lives; undefined from another machine. */
  gone(holder: Holder): boolean | undefined;
}

/** How far up the engine is looked for: host process, launcher, shell, engine. */
const MAX_GENERATIONS = 5;

const started: Holder = {
  host: hostname(),
  scope: machineScope(),
  ...identify(process.pid),
  // Read when the module loads: after the engine's death the parent would be another process.
  engine: engineChain(),
};

const engineAlive = (): boolean =>
  process.ppid === (started.engine[0]?.pid ?? process.ppid) && started.engine.every(alive);

export const realProcesses: Processes = {
  self: () => started,
  engineAlive,
  endWithEngine: () => {
    endWithEngine(engineAlive);
  },
  gone: (holder) => {
    if (holder.host !== started.host || holder.scope !== started.scope) return undefined;
    return !alive(holder) || !holder.engine.every(alive);
  },
};

/** `user@host:pid`. */
export function holderName(holder: Holder): string {
  return `${userName()}@${holder.host}:${holder.pid}`;
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // In a container the user id often has no entry in the user database.
    return `uid${process.getuid?.() ?? ''}`;
  }
}

function alive(id: ProcessId): boolean {
  const found = lookAtProcess(id.pid);
  return found !== undefined && (id.start === '' || found.start === id.start);
}

function identify(pid: number): ProcessId {
  return { pid, start: lookAtProcess(pid)?.start ?? '' };
}

/** The ancestors up to the engine; only the parent when none of them is the Pulumi engine. */
function engineChain(): ProcessId[] {
  const chain: ProcessId[] = [];
  let pid = process.ppid;
  for (let generation = 0; generation < MAX_GENERATIONS && pid > 0; generation++) {
    const found = lookAtProcess(pid);
    if (!found) break;
    chain.push({ pid, start: found.start });
    if (found.command === 'pulumi') return chain;
    pid = found.parent;
  }
  return chain.slice(0, 1);
}

/** A process as the system knows it. */
export interface RunningProcess {
  /** Linux: clock ticks since the boot. Elsewhere: a date. */
  start: string;
  parent: number;
  command: string;
}

/** One process; undefined when there is none, or only its unreaped remains. */
export function lookAtProcess(pid: number): RunningProcess | undefined {
  return process.platform === 'linux' ? lookInProc(pid) : lookWithPs(pid);
}

function lookInProc(pid: number): RunningProcess | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // The command stands in parentheses and may hold blanks and parentheses itself.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const state = fields[0] ?? '';
  if (state === 'Z' || state === 'X') return undefined;
  const command = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
  return { start: fields[19] ?? '', parent: Number(fields[1]), command };
}

function lookWithPs(pid: number): RunningProcess | undefined {
  try {
    const line = execFileSync('ps', ['-o', 'ppid=,lstart=,comm=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    // 4711 Sat Nov 21 14:59:16 2026 /usr/local/bin/pulumi
    const match = /^(\d+)\s+(\w+ +\w+ +\d+ +[\d:]+ +\d+)\s+(.*)$/.exec(line);
    if (!match) return undefined;
    return { parent: Number(match[1]), start: match[2] ?? '', command: (match[3] ?? '').replace(/^.*\//, '') };
  } catch {
    return undefined;
  }
}

function machineScope(): string {
  if (process.platform !== 'linux') return process.platform;
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return 'unknown';
  }
}
