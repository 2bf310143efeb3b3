import { join } from 'node:path';
import type { Target } from './context.js';

/** One command of a demonstration, run with the lab's environment in the project's directory. */
export interface DemoStep {
  title: string;
  command: [program: string, ...args: string[]];
}

/** The Talos release that the demonstration rolls out. */
const NEXT_RELEASE = 'v1.12.4';

/** Builds the cluster, waits until it is in service, then replaces every node with the next release. */
export function demoSteps({ name }: Target, projectDirectory: string): DemoStep[] {
  const proxOps = (...args: string[]): DemoStep['command'] => [
    process.execPath,
    join(projectDirectory, 'driver', 'bin', 'prox-ops.js'),
    ...args,
  ];
  return [
    { title: 'Build the cluster', command: proxOps('up') },
    {
      title: 'Wait until every node and workload is in service',
      command: proxOps('lab', 'monitor', '--wait', '--name', name),
    },
    { title: `Make Talos ${NEXT_RELEASE} the release to run`, command: proxOps('release', NEXT_RELEASE) },
    { title: 'Replace every node, one by one', command: proxOps('roll', '--yes') },
  ];
}
