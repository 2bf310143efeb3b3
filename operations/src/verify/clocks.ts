import { verdict, type Check } from '../checks/check.js';
import type { ExpectedCluster } from './expected.js';
import { nodeProblems, type Machines } from './machines.js';

/** Milliseconds. etcd and certificates bear more; more than this is a time server that is not followed. */
const MOST = 1_000;

export function clocksCheck({ nodes }: ExpectedCluster, machines: Machines): Check {
  return {
    id: 'clocks',
    describe: `every node's clock is within ${MOST / 1000} s of its time server's`,
    how: 'talosctl time of every node',
    run: async () => {
      const clocks = await machines.clocks();
      let largest = 0;
      const problems = nodeProblems(nodes, clocks, (_, { machine, reference, server }) => {
        const skew = Math.abs(machine - reference);
        largest = Math.max(largest, skew);
        return skew > MOST ? [`${(skew / 1000).toFixed(1)} s off ${server}`] : [];
      });
      return verdict(problems, 'clocks in step', `${nodes.length} clocks, at most ${largest} ms off`);
    },
  };
}
