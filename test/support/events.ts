import { EVENT_VERSION, type Recorded, type RunEvent, type RunNode } from '../../driver/events';
import { PHASES } from '../../driver/phases';

export const START = Date.parse('2026-11-21T12:00:00.000Z');
export const RUN_ID = '20261121T120000-0a1b2c3d';

export const OPENED: RunEvent = {
  type: 'run.opened',
  command: 'roll',
  stack: 'lab',
  actor: { name: 'alice', source: 'GITHUB_ACTOR', user: 'runner', host: 'ci-1', pid: 7 },
  arguments: [],
  options: { yes: true, nodes: ['k8s-ctrl-1'] },
  reason: 'CVE in the kernel',
};

/** Events at their time in milliseconds after the start. */
export function timed(...events: [number, RunEvent][]): Recorded[] {
  return events.map(([ms, event]) => recorded(event, START + ms));
}

/** Events one second apart. */
export function record(...events: RunEvent[]): Recorded[] {
  return events.map((event, index) => recorded(event, START + index * 1000));
}

export function recorded(event: RunEvent, at: number): Recorded {
  return { v: EVENT_VERSION, run: RUN_ID, at: new Date(at).toISOString(), ...event };
}

export function nodesOf(count: number): RunNode[] {
  return Array.from({ length: count }, (_, index) => ({
    name: `k8s-${index < 3 ? `ctrl-${index + 1}` : `work-${index - 2}`}`,
    role: index < 3 ? 'controlplane' : 'worker',
    from: 'v1.11.3',
    to: 'v1.12.4',
  }));
}

export function started(nodes: RunNode[]): RunEvent {
  return { type: 'run.started', runId: RUN_ID, command: 'roll', stack: 'lab', holder: 'runner@ci-1:7', nodes };
}

/** A whole run of so many nodes, each phase as long as its place in the order says, in seconds. */
export function wholeRun(count: number): Recorded[] {
  const nodes = nodesOf(count);
  const events: [number, RunEvent][] = [
    [0, OPENED],
    [100, started(nodes)],
  ];
  let clock = 1000;
  for (const [index, { name: node, from, to, role }] of nodes.entries()) {
    const begin = clock;
    events.push([clock, { type: 'node.started', node, index, of: count, from, to }]);
    for (const [place, phase] of PHASES.entries()) {
      if (role === 'worker' && phase.startsWith('etcd')) continue;
      const ms = (place + 1) * 1000;
      events.push([clock, { type: 'phase.started', node, phase }]);
      events.push([clock + 500, { type: 'progress', node, message: `${phase}: half way` }]);
      clock += ms;
      events.push([clock, { type: 'phase.finished', node, phase, ms }]);
    }
    events.push([clock, { type: 'node.finished', node, outcome: 'replaced', ms: clock - begin }]);
  }
  events.push([clock, { type: 'run.finished', outcome: 'done', ms: clock, exitCode: 0 }]);
  return timed(...events);
}
