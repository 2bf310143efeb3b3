import { pause } from '../protocol/timing.js';
import { isTransient } from './api.js';

export interface RetryRule {
  attempts: number;
  /** Seconds before the second attempt; doubled each time. */
  firstDelay: number;
  retryIf(error: Error): boolean;
  /** Report the last error alone, as it was; else all of them are numbered. */
  lastErrorOnly?: boolean;
  /** Tells that an earlier attempt had succeeded after all. Asked from the second attempt on. */
  alreadyDone?(error: Error): boolean;
}

/** Every attempt failed; the message numbers the errors. */
export class AttemptsError extends Error {
  constructor(readonly errors: Error[]) {
    super(`All attempts fail:\n${errors.map((error, i) => `#${i + 1}: ${error.message}`).join('\n')}`);
  }
}

/** Runs an operation up to a number of times. Undefined when a later attempt finds that it is done already. */
export async function retry<T>(rule: RetryRule, operation: () => Promise<T>): Promise<T | undefined> {
  const errors: Error[] = [];
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await operation();
    } catch (thrown) {
      const error = thrown as Error;
      // Trap, copied: 'already exists' after a failed first try counts as done, even when a stranger has the id.
      if (attempt > 0 && rule.alreadyDone?.(error) === true) return undefined;
      errors.push(error);
      if (!rule.retryIf(error) || attempt + 1 >= rule.attempts) {
        throw rule.lastErrorOnly === true ? error : new AttemptsError(errors);
      }
      await pause(rule.firstDelay * 2 ** attempt);
    }
  }
}

const says = (phrase: string) => (error: Error) => error.message.includes(phrase);

export const CREATE_RULE: RetryRule = {
  attempts: 3,
  firstDelay: 1,
  retryIf: isTransient,
  alreadyDone: says('already exists'),
};

export const cloneRule = (attempts: number): RetryRule => ({
  ...CREATE_RULE,
  attempts: Math.max(1, attempts),
  firstDelay: 10,
});

export const CONFIG_RULE: RetryRule = { attempts: 3, firstDelay: 1, retryIf: says('got timeout') };

export const START_RULE: RetryRule = { attempts: 3, firstDelay: 1, retryIf: says('got no worker upid') };
