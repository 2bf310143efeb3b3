import { EXIT, LabError } from './errors.js';
import type { Route } from './control-server.js';
import type { Lab } from './lab.js';
import type { SafetyMonitor } from '../monitor/index.js';

/** What may be announced to the monitor beforehand, and what it does then. */
export const ANNOUNCEMENTS = {
  teardown: 'the whole cluster is torn down on purpose: I1 to I5 are not watched until it is complete again',
  TALOS_DESTROY_SECRETS: 'the Talos secrets change once',
} as const;

/** The lab's own API. */
export function routes(lab: Lab): Record<string, Route> {
  const { environment, faults, monitor } = lab;
  return {
    'GET /status': () => lab.status(),
    'GET /environment': () => environment,
    'GET /faults': () => faults.list(),
    'POST /faults': ({ name, subject, count }) => {
      faults.set(text(name, 'name'), optional(subject, 'subject'), optionalNumber(count, 'count'));
    },
    'DELETE /faults': ({ name, subject }) => faults.clear(optional(name, 'name'), optional(subject, 'subject')),
    'GET /monitor': () => monitor.judgement(),
    'POST /monitor/wait': () => lab.armed(),
    'POST /monitor/announce': ({ what }) => announce(monitor, text(what, 'what')),
    'POST /monitor/workers-out': ({ count }) => allowWorkersOut(monitor, optionalNumber(count, 'count') ?? 0),
    'POST /monitor/scan': ({ path }) => monitor.addFiles(text(path, 'path')),
  };
}

function announce(monitor: SafetyMonitor, what: string): void {
  if (what === 'teardown') monitor.disarm();
  else if (what === 'TALOS_DESTROY_SECRETS') monitor.allowSecretsChange();
  else throw new LabError(`expected ${Object.keys(ANNOUNCEMENTS).join(' or ')}, found '${what}'`, EXIT.usage);
}

function allowWorkersOut(monitor: SafetyMonitor, count: number): void {
  try {
    monitor.allowWorkersOut(count);
  } catch (error) {
    if (error instanceof RangeError) throw new LabError(`count: ${error.message}`, EXIT.usage);
    throw error;
  }
}

function text(value: unknown, name: string): string {
  if (typeof value === 'string' && value !== '') return value;
  throw new LabError(`expected ${name} as text, found ${JSON.stringify(value) ?? 'nothing'}`, EXIT.usage);
}

function optional(value: unknown, name: string): string | undefined {
  return value === undefined ? undefined : text(value, name);
}

function optionalNumber(value: unknown, name: string): number | undefined {
  if (value === undefined || typeof value === 'number') return value;
  throw new LabError(`expected ${name} as a number, found ${JSON.stringify(value)}`, EXIT.usage);
}
