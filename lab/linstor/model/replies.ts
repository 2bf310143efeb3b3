import { CODE, OBJECT, OP, returnCode, type Kind } from './codes.js';

/** One ApiCallRc entry of an answer. */
export interface Entry {
  ret_code: bigint;
  message: string;
  cause?: string;
  details?: string;
  correction?: string;
  error_report_ids?: string[];
  obj_refs?: Record<string, string>;
  created_at: string;
}

export type EntryExtras = Partial<Pick<Entry, 'cause' | 'details' | 'correction' | 'obj_refs' | 'error_report_ids'>>;

/** What an entry says about the request it answers: operation and object bits, and the objects' names. */
export interface Context {
  operation: bigint;
  object: bigint;
  refs?: Record<string, string>;
}

/** A request the controller refuses: its entries are the answer. */
export class ApiError extends Error {
  constructor(readonly entries: Entry[]) {
    super(entries.map((entry) => entry.message).join('; '));
    this.name = 'ApiError';
  }
}

/** The entries of one answer, in the order in which the controller and its satellites give them. */
export class Replies {
  readonly entries: Entry[] = [];

  constructor(
    private readonly now: () => number,
    readonly context: Context = { operation: OP.none, object: OBJECT.none },
  ) {}

  /** Adds an entry under this answer's context. */
  add(kind: Kind, code: number, message: string, extras: EntryExtras = {}): this {
    return this.addAs(this.context, kind, code, message, extras);
  }

  /** Adds an entry whose operation, object or names differ from the answer's own. */
  addAs(context: Partial<Context>, kind: Kind, code: number, message: string, extras: EntryExtras = {}): this {
    const { operation, object, refs } = { ...this.context, ...context };
    const entry: Entry = {
      ret_code: returnCode(kind, code, operation, object),
      message,
      ...extras,
      created_at: timestamp(this.now()),
    };
    const named = extras.obj_refs ?? refs;
    if (named !== undefined) entry.obj_refs = named;
    this.entries.push(entry);
    return this;
  }

  /** Adds an entry without operation, object or names. */
  plain(kind: Kind, code: number, message: string, extras: EntryExtras = {}): this {
    this.entries.push({ ret_code: returnCode(kind, code), message, ...extras, created_at: timestamp(this.now()) });
    return this;
  }

  append(other: Replies): this {
    this.entries.push(...other.entries);
    return this;
  }

  /** The answer as a refusal. */
  refusal(): ApiError {
    return new ApiError(this.entries);
  }

  /** An answer in another context with the same clock. */
  within(context: Context): Replies {
    return new Replies(this.now, context);
  }
}

let sequence = 0;

/** ISO time with nanoseconds and without trailing zeros, as Java's Instant gives it; later entries never sort before. */
export function timestamp(ms: number): string {
  sequence = (sequence + 1) % 1_000_000;
  const fraction = `${String(ms % 1000).padStart(3, '0')}${String(sequence).padStart(6, '0')}`.replace(/0+$/, '');
  return `${new Date(ms).toISOString().slice(0, 19)}${fraction === '' ? '' : `.${fraction}`}Z`;
}

const NO_CONNECTION_DETAILS =
  'The controller is trying to (re-) establish a connection to the satellite. The controller stored the changes and ' +
  'as soon the satellite is connected, it will receive this update.';

/** Warning 1002, sent with HTTP 200 or 201. */
export function warnNotConnected(replies: Replies, node: string): void {
  const extras = { details: NO_CONNECTION_DETAILS };
  replies.add('warning', CODE.warnNotConnected, `No active connection to satellite '${node}'`, extras);
}
