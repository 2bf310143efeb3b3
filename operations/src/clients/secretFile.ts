import { mkdtemp, writeFile } from 'node:fs/promises';
import { readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface SecretFile {
  path: string;
  /** Removes the file and its directory. */
  remove(): void;
}

const PREFIX = 'prox-ops-secret-';
/** Longer than any call takes: a directory this old belongs to no call, whatever this machine says of its process. */
const ABANDONED = 15 * 60_000;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Directories that exist now; removed when the process ends by itself or by a signal that can be caught. */
const present = new Set<string>();
let swept = false;

/** Puts a secret into a file (0600) in a directory of its own (0700), for a program that takes no secret otherwise. */
export async function secretFile(name: string, text: string): Promise<SecretFile> {
  sweep();
  const directory = await mkdtemp(join(tmpdir(), `${PREFIX}${process.pid}-`));
  if (present.size === 0) guard();
  present.add(directory);
  const path = join(directory, name);
  try {
    await writeFile(path, text, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    forget(directory);
    throw error;
  }
  return { path, remove: () => forget(directory) };
}

function forget(directory: string): void {
  rmSync(directory, { recursive: true, force: true });
  present.delete(directory);
  if (present.size === 0) unguard();
}

function guard(): void {
  process.on('exit', forgetAll);
  for (const signal of SIGNALS) process.on(signal, dieClean);
}

/** Without files there is nothing to clean up, and a signal shall do what it does by itself. */
function unguard(): void {
  process.off('exit', forgetAll);
  for (const signal of SIGNALS) process.off(signal, dieClean);
}

function forgetAll(): void {
  for (const directory of [...present]) forget(directory);
}

function dieClean(signal: NodeJS.Signals): void {
  forgetAll();
  // Where the program handles the signal itself, it decides; otherwise the signal ends it as if nothing had been here.
  if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
}

/** A process that was killed outright could not clean up: the next one does. */
function sweep(): void {
  if (swept) return;
  swept = true;
  for (const entry of readdirSync(tmpdir())) {
    const pid = Number(new RegExp(`^${PREFIX}(\\d+)-`).exec(entry)?.[1]);
    const directory = join(tmpdir(), entry);
    if (pid > 0 && !running(pid) && mineAndOld(directory)) rmSync(directory, { recursive: true, force: true });
  }
}

function running(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function mineAndOld(directory: string): boolean {
  try {
    const { uid, mtimeMs } = statSync(directory);
    return uid === process.getuid?.() && Date.now() - mtimeMs > ABANDONED;
  } catch {
    return false;
  }
}
