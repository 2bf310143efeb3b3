import { setTimeout as sleep } from 'node:timers/promises';

export interface SendOptions {
  /** Milliseconds for one try. */
  timeout: number;
  /** The longest pause before the second try, in milliseconds; a server that wants more gets none. */
  longestPause: number;
  signal: AbortSignal;
  /** Injected by tests. */
  fetch?: typeof fetch;
  pause?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** Pause before the second try where the server names none. */
const PAUSE = 1_000;

/**
 * Posts JSON; tries once more after 429 and 5xx, no sooner than the server asks for. Its errors never name the address.
 * @throws Error saying what came back.
 */
export async function send(url: string, body: unknown, options: SendOptions): Promise<void> {
  const first = await post(url, body, options);
  if (first.ok) return;
  if (first.status !== 429 && first.status < 500) throw new Error(`expected HTTP 2xx, found ${first.status}`);
  const pause = retryAfter(first.headers.get('retry-after'));
  if (pause > options.longestPause)
    throw new Error(`HTTP ${first.status}, to be tried again after ${Math.ceil(pause / 1000)} s: too long to wait`);
  await (options.pause ?? rest)(pause, options.signal);
  const second = await post(url, body, options);
  if (!second.ok) throw new Error(`expected HTTP 2xx, found ${first.status} and then ${second.status}`);
}

/** Milliseconds; the header holds seconds (Discord's with a fraction) or a date. */
export function retryAfter(header: string | null, now = Date.now()): number {
  if (header === null || header.trim() === '') return PAUSE;
  const seconds = Number(header);
  const ms = Number.isNaN(seconds) ? Date.parse(header) - now : seconds * 1000;
  return Number.isNaN(ms) ? PAUSE : Math.max(0, ms);
}

async function rest(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal });
}

async function post(url: string, body: unknown, options: SendOptions): Promise<Response> {
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(options.timeout)]);
  try {
    const response = await (options.fetch ?? fetch)(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'user-agent': 'prox-ops' },
      body: JSON.stringify(body),
      // A redirected POST would become a GET, and might take the address elsewhere.
      redirect: 'manual',
      signal,
    });
    await response.body?.cancel();
    return response;
  } catch (error) {
    throw new Error(reasonOf(error, options));
  }
}

/** In our own words: an error of fetch may hold the address. */
function reasonOf(error: unknown, { timeout, signal }: SendOptions): string {
  if (signal.aborted) return 'not sent before the end of the run';
  if (error instanceof Error && error.name === 'TimeoutError') return `no answer within ${timeout / 1000} s`;
  const cause = error instanceof Error ? (error.cause as { code?: unknown } | undefined) : undefined;
  return typeof cause?.code === 'string' ? `not reached (${cause.code})` : 'not reached';
}
