import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http';

export interface HttpAnswer {
  status: number;
  text: string;
}

type Request = (options: RequestOptions, onResponse: (response: IncomingMessage) => void) => ClientRequest;

/** Sends one request with node:http or node:https and reads the whole answer. @throws when there is none in time. */
export async function exchange(
  request: Request,
  options: RequestOptions,
  body: string | undefined,
  timeout: number,
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const sent = request(options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', fail);
      response.on('end', () => {
        clearTimeout(timer);
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() });
      });
    });
    // One limit for the whole exchange: a server that sends a byte now and then would never be idle.
    const timer = setTimeout(() => sent.destroy(new Error(`no answer within ${timeout / 1000} s`)), timeout);
    const fail = (error: Error): void => {
      clearTimeout(timer);
      reject(error);
    };
    sent.on('error', fail);
    sent.end(body);
  });
}
