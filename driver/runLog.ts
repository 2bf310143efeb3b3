import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { EVENT_VERSION, type Recorded, type RunEvent } from './events';
import { CommandError } from './exit';
import { secrets, type SecretFilter } from './secrets';

export type { Outcome, Recorded, RunEvent, RunNode } from './events';

/** Where a project's event logs are. */
export function runsDirectory(project: string): string {
  return join(project, '.prox-ops', 'runs');
}

/** The run's events: cleaned of secrets, kept, appended to a file that nobody else reads, handed to listeners in order. */
export class RunLog {
  readonly events: Recorded[] = [];
  readonly file: string;
  private readonly listeners: ((event: Recorded) => void)[] = [];
  /** Lines that could not be written yet. */
  private unwritten = '';

  /** @throws CommandError when the file can't be written: a run without its audit trail is not begun. */
  constructor(
    project: string,
    private readonly runId: string,
    private readonly filter: SecretFilter = secrets,
  ) {
    const runs = runsDirectory(project);
    this.file = join(runs, `${runId}.jsonl`);
    try {
      mkdirSync(runs, { recursive: true, mode: 0o700 });
      appendFileSync(this.file, '', { mode: 0o600 });
    } catch (error) {
      throw new CommandError(`No event log. Expected to write ${this.file}, found: ${(error as Error).message}`);
    }
  }

  emit(event: RunEvent): void {
    const at = new Date().toISOString();
    const recorded: Recorded = { v: EVENT_VERSION, run: this.runId, at, ...this.filter.clean(event) };
    this.events.push(recorded);
    const failure = this.append(`${JSON.stringify(recorded)}\n`);
    this.tell(recorded);
    if (failure !== undefined)
      this.tell({ v: EVENT_VERSION, run: this.runId, at, type: 'notice', subject: 'event log', message: failure });
  }

  listen(listener: (event: Recorded) => void): void {
    this.listeners.push(listener);
  }

  private tell(event: Recorded): void {
    for (const listener of this.listeners) listener(event);
  }

  /** A full disk must not end a node's turn half way: what could not be written is written with the next event. */
  private append(line: string): string | undefined {
    const first = this.unwritten === '';
    // A line may have got half way: the next try begins one of its own.
    this.unwritten += first ? line : `\n${line}`;
    try {
      appendFileSync(this.file, this.unwritten, { mode: 0o600 });
      this.unwritten = '';
      return undefined;
    } catch (error) {
      return first ? `not written, kept for later: ${(error as Error).message}` : undefined;
    }
  }
}
