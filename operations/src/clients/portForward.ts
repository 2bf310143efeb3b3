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
  const socket = (await forward.portForward(namespace, pod, [port], fromPod, trouble, toPod)) as {
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
