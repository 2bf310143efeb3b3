import type { Guest } from '../guest.js';

/** What a handler knows of its caller. */
export interface CallContext {
  /** os:admin, os:operator, os:reader, os:etcd:backup */
  roles: readonly string[];
  /** Aborted when the caller goes away or the machine goes down. */
  signal: AbortSignal;
}

/** Answers one message. Requests are what the protocol's decoder makes of them, defaults filled in. */
export type Unary = (guest: Guest, request: never, context: CallContext) => object | Promise<object>;

export type Send = (message: object) => Promise<void>;

/** Sends messages until it returns. */
export type Streaming = (guest: Guest, request: never, send: Send, context: CallContext) => Promise<void>;

/** Handlers by the method's path, /machine.MachineService/Reboot. */
export interface Methods {
  unary: Record<string, Unary>;
  streaming: Record<string, Streaming>;
}
