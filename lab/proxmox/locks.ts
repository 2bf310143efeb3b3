import type { World } from '../world/world.js';
import { refusal, type PveError } from './errors.js';

type Mode = 'shared' | 'exclusive';

interface LockFile {
  shared: number;
  exclusive: boolean;
  waiting: { mode: Mode; grant: () => void }[];
}

/** How long Proxmox waits for a VM's lock file, in milliseconds. */
export const LOCK_PATIENCE = 10_000;
/** A clone's patience with its template's lock file. */
export const CLONE_LOCK_PATIENCE = 1000;

export function lockTimeout(vmid: number): PveError {
  return refusal(`can't lock file '/var/lock/qemu-server/lock-${vmid}.conf' - got timeout`);
}

/** The flock()ed file of each VM, which every change of its configuration or power takes for as long as it lasts. */
export class LockFiles {
  private readonly files = new Map<number, LockFile>();

  constructor(private readonly world: World) {}

  /**
   * Takes the lock; the returned function gives it back.
   * @throws PveError when it isn't free within `patience` milliseconds.
   */
  async acquire(vmid: number, mode: Mode, patience: number): Promise<() => void> {
    const file = this.file(vmid);
    if (!fits(file, mode) || file.waiting.length > 0) await this.wait(file, vmid, mode, patience);
    else take(file, mode);
    return () => this.release(vmid, file, mode);
  }

  async hold<T>(vmid: number, work: () => Promise<T> | T, patience = LOCK_PATIENCE): Promise<T> {
    const release = await this.acquire(vmid, 'exclusive', patience);
    try {
      return await work();
    } finally {
      release();
    }
  }

  private async wait(file: LockFile, vmid: number, mode: Mode, patience: number): Promise<void> {
    const done = new AbortController();
    const signal = AbortSignal.any([this.world.signal, done.signal]);
    await new Promise<void>((resolve, reject) => {
      const waiter = { mode, grant: resolve };
      file.waiting.push(waiter);
      const giveUp = (error: Error): void => {
        file.waiting = file.waiting.filter((other) => other !== waiter);
        reject(error);
      };
      this.world.clock.delay(patience, signal).then(() => giveUp(lockTimeout(vmid)), giveUp);
    }).finally(() => done.abort());
  }

  private release(vmid: number, file: LockFile, mode: Mode): void {
    if (mode === 'shared') file.shared -= 1;
    else file.exclusive = false;
    while (file.waiting[0] && fits(file, file.waiting[0].mode)) {
      const next = file.waiting.shift()!;
      take(file, next.mode);
      next.grant();
    }
    if (file.shared === 0 && !file.exclusive && file.waiting.length === 0) this.files.delete(vmid);
  }

  private file(vmid: number): LockFile {
    const file = this.files.get(vmid) ?? { shared: 0, exclusive: false, waiting: [] };
    this.files.set(vmid, file);
    return file;
  }
}

function fits(file: LockFile, mode: Mode): boolean {
  return !file.exclusive && (mode === 'shared' || file.shared === 0);
}

function take(file: LockFile, mode: Mode): void {
  if (mode === 'shared') file.shared += 1;
  else file.exclusive = true;
}
