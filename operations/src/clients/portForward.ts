import { Duplex, PassThrough } from 'node:stream';
import type { PortForward } from '@kubernetes/client-node';

/**
 * A byte stream to a port of a pod through the API server. No port is opened on this machine, where any other user
 * could use it. @throws Error when the API server refuses.
 */
export async function openPort(forward: PortForward, namespace: string, pod: string, port: number): Promise<Duplex> {
  const toPod = new PassThrough();
  const fromPod = new PassThrough();
  const trouble = new PassThrough();
  const opening = forward.portForward(namespace, pod, [port], fromPod, trouble, toPod);
  const socket = (await opening.catch((refusal: unknown) => {
    throw new Error(`port-forward to ${pod}: ${wordsOf(refusal)}`, { cause: refusal });
  })) as {
    close(): void;
    onclose: (() => void) | null;
  };
  const stream = new PodStream(fromPod, toPod, () => socket.close());
  socket.onclose = () => fromPod.end();
  // The kubelet's words when nothing listens there.
  trouble.once('data', (words: Buffer) =>
    stream.destroy(new Error(`port-forward to ${pod}: ${words.toString().trim()}`)),
  );
  return stream;
}

/** A WebSocket that is refused rejects with an event, which is no Error: `Unexpected server response: 403`. */
function wordsOf(refusal: unknown): string {
  const { message } = refusal as { message?: unknown };
  return typeof message === 'string' && message !== '' ? message : 'refused';
}

/** The two halves of a forwarded connection as one stream, with what node:http expects of a socket. */
class PodStream extends Duplex {
  constructor(
    private readonly input: PassThrough,
    private readonly output: PassThrough,
    private readonly close: () => void,
  ) {
    super();
    input.on('data', (chunk: Buffer) => void (this.push(chunk) || input.pause()));
    input.on('end', () => this.push(null));
  }

  override _read(): void {
    this.input.resume();
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.output.write(chunk, encoding, done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.close();
    done(error);
  }

  /** What node:http calls once an answer is whole: without it the WebSocket would keep the process alive for ever. */
  destroySoon(): void {
    this.destroy();
  }

  setTimeout(): this {
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }
}
