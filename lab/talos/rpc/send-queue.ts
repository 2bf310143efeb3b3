import { forever } from '../waiting.js';
import type { Send } from './call.js';

/** Sends what comes up while a stream is open, in order. */
export class SendQueue {
  private sent: Promise<void> = Promise.resolve();

  constructor(private readonly send: Send) {}

  add(message: object): void {
    this.sent = this.sent.then(() => this.send(message));
    // Whoever waits for the stream's end hears of it.
    this.sent.catch(() => undefined);
  }

  /**
   * Waits until the signal is aborted, then for what was added before: a machine's last events are the ones that
   * clients wait for. @throws the signal's reason.
   */
  async until(signal: AbortSignal): Promise<never> {
    try {
      return await forever(signal);
    } finally {
      await this.sent.catch(() => undefined);
    }
  }
}
