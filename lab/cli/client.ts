import { readFileSync } from 'node:fs';
import type { LabDirectory } from '../daemon/directory.js';
import { EXIT, LabError } from '../daemon/errors.js';
import { commandFor, labState, type LabRecord } from '../daemon/record.js';
import { LabNetwork } from '../world/network.js';

/** The way to a running lab's own API. */
export class LabClient {
  private readonly url: string;
  private readonly token: string;

  /** @throws LabError when no such lab is running, or when its process is gone. */
  static of(name: string, directory: LabDirectory): LabClient {
    const found = labState(directory);
    if (found.state === 'running') return new LabClient(found.record, directory);
    if (found.state === 'dead') throw goneError(found.record);
    const start = commandFor('up', name);
    throw new LabError(
      `expected lab '${name}' running, found none in ${directory.path}; start it with: ${start}`,
      EXIT.notRunning,
    );
  }

  private constructor(
    readonly record: LabRecord,
    directory: LabDirectory,
  ) {
    const network = new LabNetwork(record.base);
    this.url = `http://${network.control}:${network.ports.lab}`;
    this.token = readFileSync(directory.controlToken, 'utf8').trim();
  }

  /** @throws LabError with the lab's own message, or when it does not answer. */
  async ask<T>(method: 'GET' | 'POST' | 'DELETE', path: string, body?: object): Promise<T> {
    const response = await this.send(method, path, body);
    const answer = (await response.json()) as T & { error?: string; exitCode?: number };
    if (!response.ok) throw new LabError(answer.error ?? `HTTP status ${response.status}`, answer.exitCode);
    return answer;
  }

  private async send(method: string, path: string, body: object | undefined): Promise<Response> {
    const headers = { authorization: `Bearer ${this.token}`, 'content-type': 'application/json' };
    try {
      return await fetch(this.url + path, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
    } catch (error) {
      const { pid, name, dir } = this.record;
      throw new LabError(
        `lab '${name}': its process ${pid} does not answer on ${this.url}; ` +
          `see ${dir}/lab.log, or stop it with: ${commandFor('down', name)}`,
        EXIT.failed,
        { cause: error },
      );
    }
  }
}

function goneError({ name, pid, started }: LabRecord): LabError {
  return new LabError(
    `lab '${name}' is gone: its process ${pid} (since ${started}) ended without taking leave. ` +
      `End what it left with: ${commandFor('down', name)}`,
    EXIT.notRunning,
  );
}
