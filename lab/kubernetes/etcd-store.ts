import type { KeyValue } from '../world/world.js';

/** Puts in one transaction: etcd takes 128 at most, and one and a half MiB in all. */
const MOST_PUTS = 100;
const MOST_BYTES = 1_000_000;
/** Base64 of one zero byte: as both ends of a range, every key. */
const ALL = 'AA==';

interface Wire {
  key: string;
  value?: string;
  lease?: string;
}

/** The real etcd's keys through its HTTP gateway. */
export class EtcdStore {
  constructor(private readonly url: string) {}

  /** ok, or what was found instead. */
  async probe(): Promise<string> {
    try {
      const response = await fetch(`${this.url}/health`);
      const { health } = (await response.json()) as { health?: string };
      return health === 'true' ? 'ok' : `health ${health}`;
    } catch (error) {
      return (error as Error).message;
    }
  }

  /** Every key that does not end with a lease: events, and the API servers' own addresses. */
  async contents(): Promise<KeyValue[]> {
    const { kvs = [] } = await this.call<{ kvs?: Wire[] }>('range', { key: ALL, range_end: ALL });
    return kvs
      .filter(({ lease }) => lease === undefined)
      .map(({ key, value = '' }) => ({ key: Buffer.from(key, 'base64'), value: Buffer.from(value, 'base64') }));
  }

  async put(contents: KeyValue[]): Promise<void> {
    for (const part of parts(contents)) {
      const success = part.map(({ key, value }) => ({
        requestPut: { key: key.toString('base64'), value: value.toString('base64') },
      }));
      await this.call('txn', { success });
    }
  }

  private async call<T>(method: string, body: object): Promise<T> {
    const response = await fetch(`${this.url}/v3/kv/${method}`, { method: 'POST', body: JSON.stringify(body) });
    const text = await response.text();
    if (!response.ok) throw new Error(`etcd ${method}: expected 200, found ${response.status} ${text.slice(0, 200)}`);
    return JSON.parse(text) as T;
  }
}

function parts(contents: KeyValue[]): KeyValue[][] {
  const found: KeyValue[][] = [];
  let bytes = MOST_BYTES;
  for (const entry of contents) {
    const size = entry.key.length + entry.value.length;
    const last = found.at(-1);
    if (last && last.length < MOST_PUTS && bytes + size < MOST_BYTES) {
      last.push(entry);
      bytes += size;
    } else {
      found.push([entry]);
      bytes = size;
    }
  }
  return found;
}
