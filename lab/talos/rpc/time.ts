import { parseAllDocuments } from 'yaml';
import type { Guest } from '../guest.js';
import { timestamp } from '../resources/store.js';
import type { Methods } from './call.js';

const T = '/time.TimeService';
/** Talos' own, where its configuration names none. */
const DEFAULT_SERVER = 'time.cloudflare.com';
/** Milliseconds by which the fault clock-behind puts a machine back. */
const BEHIND = 90_000;

/** A machine's clock beside a time server's. The lab's servers are all right, and all its machines share one clock. */
export const timeMethods: Methods = {
  unary: {
    [`${T}/Time`]: (guest) => time(guest, serverOf(guest)),
    [`${T}/TimeCheck`]: (guest, { server }: { server: string }) => time(guest, server),
  },
  streaming: {},
};

function time({ node, boot }: Guest, server: string): object {
  const { clock, faults } = boot!.fleet.world;
  const now = clock.now();
  const local = faults.has('clock-behind', node) ? now - BEHIND : now;
  return { messages: [{ server, localtime: timestamp(local), remotetime: timestamp(now) }] };
}

function serverOf({ boot }: Guest): string {
  type Shape = { machine?: { time?: { servers?: string[] } } } | null;
  const documents = parseAllDocuments(boot!.configuration?.text ?? '').map((document) => document.toJS() as Shape);
  return documents.flatMap((document) => document?.machine?.time?.servers ?? [])[0] ?? DEFAULT_SERVER;
}
