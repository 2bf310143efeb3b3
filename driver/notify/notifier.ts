import type { Recorded } from '../events';
import type { RunLog } from '../runLog';
import { discordBody } from './discord';
import { messageFor, type RunSoFar } from './messages';
import { send, type SendOptions } from './send';
import type { Target } from './targets';

/** Milliseconds. */
const LIMITS = { timeout: 5_000, longestPause: 30_000 };

/**
 * Sends the run's messages in order, each target for itself. What can't be sent becomes a notice in the log and nothing
 * else: messages never stop, slow or fail a run.
 */
export class Notifier {
  private readonly run: RunSoFar;
  private readonly queues: Queue[];

  constructor(log: RunLog, stack: string, targets: readonly Target[], options: Partial<SendOptions> = {}) {
    this.run = { stack, started: false, finished: 0, of: 1 };
    this.queues = targets.map((target) => new Queue(target, log, { ...LIMITS, ...options }));
    log.listen((event) => {
      this.add(event);
    });
  }

  /** Waits for what is under way, at most so many milliseconds; what has not been sent by then is given up. */
  async close(atMost: number): Promise<void> {
    await Promise.all(this.queues.map((queue) => queue.close(atMost)));
  }

  private add(event: Recorded): void {
    if (event.type === 'node.started') this.run.started = true;
    if (event.type === 'run.started') Object.assign(this.run, { started: true, of: event.nodes.length });
    if (event.type === 'node.finished') this.run.finished += 1;
    const message = messageFor(event, this.run);
    if (!message) return;
    for (const queue of this.queues) queue.add(queue.kind === 'discord' ? discordBody(message) : { ...message, event });
  }
}

/** One target's messages, one at a time. */
class Queue {
  readonly kind: Target['kind'];
  private readonly controller = new AbortController();
  private last: Promise<void> = Promise.resolve();

  constructor(
    private readonly target: Target,
    private readonly log: RunLog,
    private readonly options: Omit<SendOptions, 'signal'>,
  ) {
    this.kind = target.kind;
  }

  add(body: object): void {
    this.last = this.last.then(() => this.send(body));
  }

  async close(atMost: number): Promise<void> {
    const timer = setTimeout(() => {
      this.controller.abort();
    }, atMost);
    await this.last;
    clearTimeout(timer);
  }

  private async send(body: object): Promise<void> {
    const { signal } = this.controller;
    try {
      await send(this.target.url, body, { ...this.options, signal });
    } catch (error) {
      const message = error instanceof Error && error.name !== 'AbortError' ? error.message : 'not sent';
      this.log.emit({ type: 'notice', subject: this.kind, message });
    }
  }
}
