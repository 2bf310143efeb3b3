import type { World } from '../world/world.js';
import { badParameters, reasonOf } from './errors.js';

/** What a worker is given to speak to its task. */
export interface TaskHandle {
  readonly upid: string;
  log(line: string): void;
  /** A warning: the task ends with `WARNINGS: n` instead of OK. */
  warn(line: string): void;
  /** Aborted when the task is stopped by hand or the lab goes down. */
  readonly signal: AbortSignal;
}

export interface TaskOrder {
  node: string;
  /** qmclone, qmstart, download ... */
  type: string;
  /** The VM id, a file's name, a storage. */
  id: string;
  /** user@realm!tokenid */
  user: string;
}

export interface Task extends TaskOrder {
  upid: string;
  pid: number;
  pstart: number;
  /** Seconds since the epoch. */
  starttime: number;
  endtime?: number;
  exitstatus?: string;
  lines: string[];
}

/** The worker processes that Proxmox forks for whatever takes time, and their logs. */
export class Tasks {
  private readonly tasks = new Map<string, Task>();
  private readonly running = new Map<string, AbortController>();
  private nextPid = 4242;

  constructor(private readonly world: World) {}

  /**
   * Starts a worker and answers its UPID. The worker begins once the caller's answer is on its way. What it throws
   * becomes the exit status.
   */
  fork(order: TaskOrder, worker: (task: TaskHandle) => Promise<void> | void): string {
    const task = this.register(order);
    const stop = new AbortController();
    this.running.set(task.upid, stop);
    let warnings = 0;
    const handle: TaskHandle = {
      upid: task.upid,
      log: (line) => task.lines.push(line),
      warn: (line) => {
        warnings += 1;
        task.lines.push(`WARN: ${line}`);
      },
      signal: AbortSignal.any([this.world.signal, stop.signal]),
    };
    setImmediate(() => {
      Promise.resolve()
        .then(() => worker(handle))
        .then(
          () => this.finish(task, warnings === 0 ? 'OK' : `WARNINGS: ${warnings}`),
          (error: unknown) => this.finish(task, stop.signal.aborted ? 'received interrupt' : reasonOf(error)),
        );
    });
    return task.upid;
  }

  /** @throws PveError 400 when there is no such task: the real provider asks again for ever then. */
  get(node: string, upid: string): Task {
    const parts = upid.split(':');
    if (parts.length !== 9 || parts[0] !== 'UPID') throw badParameters({ upid: 'unable to parse worker upid' });
    const task = this.tasks.get(upid);
    if (!task || task.node !== node) throw badParameters({ upid: 'no such task' });
    return task;
  }

  /** Newest first. */
  list(node?: string): Task[] {
    return [...this.tasks.values()].filter((task) => node === undefined || task.node === node).reverse();
  }

  /** Interrupts a task; one that has ended stays as it is. */
  stop(upid: string): void {
    this.running.get(upid)?.abort();
  }

  /** Tasks of one kind that work on a VM now. */
  active(type: string, vmid: number): Task[] {
    return this.list().filter((t) => t.type === type && t.id === String(vmid) && t.exitstatus === undefined);
  }

  private register(order: TaskOrder): Task {
    const now = this.world.clock.now();
    const [pid, pstart, starttime] = [this.nextPid++, Math.floor(now / 10) % 2 ** 32, Math.floor(now / 1000)];
    const fields = [order.node, hex(pid), hex(pstart), hex(starttime), order.type, order.id, order.user, ''];
    const task: Task = { ...order, upid: ['UPID', ...fields].join(':'), pid, pstart, starttime, lines: [] };
    this.tasks.set(task.upid, task);
    return task;
  }

  private finish(task: Task, exitstatus: string): void {
    this.running.delete(task.upid);
    // A lab that goes down ends its workers without a word, like a host that loses power.
    if (this.world.signal.aborted) return;
    task.exitstatus = exitstatus;
    task.endtime = Math.floor(this.world.clock.now() / 1000);
    task.lines.push(/^(OK$|WARNINGS: )/.test(exitstatus) ? `TASK ${exitstatus}` : `TASK ERROR: ${exitstatus}`);
    const vmid = /^\d+$/.test(task.id) ? Number(task.id) : 0;
    this.world.events.emit({ type: 'proxmox.task', upid: task.upid, task: task.type, vmid, exitstatus });
  }
}

function hex(value: number): string {
  return value.toString(16).toUpperCase().padStart(8, '0');
}
