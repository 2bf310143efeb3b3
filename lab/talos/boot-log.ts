import { randomBytes } from 'node:crypto';
import { encode } from './protocol.js';

/** One runtime event in the form in which the Events stream carries it. */
export interface RuntimeEvent {
  /** Sortable; clients resume after it. */
  id: string;
  actorId: string;
  typeUrl: string;
  value: Buffer;
  at: number;
}

/** Everything that clients know how to read; another type would end a tracked command with an error. */
type EventType =
  'SequenceEvent' | 'PhaseEvent' | 'TaskEvent' | 'ServiceStateEvent' | 'RestartEvent' | 'MachineStatusEvent';

/** How many events a machine remembers. */
const CAPACITY = 1000;

export interface Tail {
  /** Last events to begin with; -1: all that are remembered. */
  events: number;
  /** Begin after the event with this id. */
  id: string;
  /** Begin with what is at most this old. */
  seconds: number;
  actorId: string;
}

/** A machine's runtime events since its boot. */
export class BootLog {
  private readonly events: RuntimeEvent[] = [];
  private readonly listeners = new Set<(event: RuntimeEvent) => void>();
  private count = 0;

  constructor(private readonly now: () => number) {}

  publish(type: EventType, message: object, actorId = ''): void {
    this.count += 1;
    const at = this.now();
    const id =
      Math.floor(at / 1000)
        .toString(32)
        .padStart(8, '0') +
      this.count.toString(32).padStart(8, '0') +
      TAIL;
    const event = {
      id,
      actorId,
      typeUrl: `talos/runtime/machine.${type}`,
      value: encode(`machine.${type}`, message),
      at,
    };
    this.events.push(event);
    if (this.events.length > CAPACITY) this.events.shift();
    for (const listener of [...this.listeners]) listener(event);
  }

  /** Gives what the tail asks for, then every later event; returns the way to stop. */
  watch(tail: Tail, listener: (event: RuntimeEvent) => void): () => void {
    const wanted = (event: RuntimeEvent): void => {
      if (tail.actorId === '' || event.actorId === tail.actorId) listener(event);
    };
    for (const event of this.past(tail)) wanted(event);
    this.listeners.add(wanted);
    return () => this.listeners.delete(wanted);
  }

  private past({ events, id, seconds }: Tail): RuntimeEvent[] {
    if (id !== '') return this.events.slice(this.events.findIndex((event) => event.id === id) + 1);
    if (seconds > 0) return this.events.filter(({ at }) => at >= this.now() - seconds * 1000);
    if (events < 0) return [...this.events];
    return events === 0 ? [] : this.events.slice(-events);
  }
}

/** An xid is 20 characters: time, counter, and what tells machines apart. */
const TAIL = randomBytes(2).toString('hex');
