import { hostCpu, hostLoss, hostMemory } from '../../policies/capacity';
import { UNKNOWN } from '../support/policies';
import { testPolicy } from '../support/policy-cases';
import { cluster, withProps } from '../support/policy-cluster';

const memory = (node: string, dedicated: unknown, stack = cluster()) =>
  withProps(stack, `${node}-vm`, { memory: { dedicated } });
const cpu = (node: string, of: object) => withProps(cluster(), `${node}-vm`, { cpu: of });

// baldar: 262144 MiB and 96 threads for k8s-ctrl-1 (16384 MiB, 4 cores) and three workers (32768 MiB, 16 cores).
describe('policies/capacity', () => {
  testPolicy(hostMemory, ({ passes, fails, unjudged }) => {
    passes('room on every host', cluster);
    passes('to the last MiB', () => memory('k8s-ctrl-1', 262_144 - 8192 - 3 * 32_768));
    fails(
      'one MiB too much',
      () => memory('k8s-ctrl-1', 262_144 - 8192 - 3 * 32_768 + 1),
      /baldar: expected VMs of at most 253952 MiB \(262144 less 8192 for the host\), found 253953 MiB in k8s-ctrl-1, k8s-work-2/,
    );
    fails('a larger reserve', cluster, [/baldar: .* 70000 MiB/, /heimdall|odin/, /odin|heimdall/, /thor/], {
      reserve: 262_144 - 70_000,
    });
    unjudged(
      'one VM’s memory, where the others are too much already',
      () => memory('k8s-ctrl-1', UNKNOWN.number, memory('k8s-work-2', 250_000)),
      /dedicated/,
      [/baldar: .* found 315536 MiB/],
    );
    unjudged('one VM’s host', () => withProps(cluster(), 'k8s-work-1-vm', { nodeName: UNKNOWN.text }), /nodeName/);
  });

  testPolicy(hostCpu, ({ passes, fails, unjudged }) => {
    passes('cores for all', cluster);
    passes('to the last core', () => cpu('k8s-ctrl-1', { cores: 144 }));
    fails(
      'one core too many',
      () => cpu('k8s-ctrl-1', { cores: 145 }),
      /baldar: expected at most 192 virtual cores \(2 for each of 96 threads\), found 193 in k8s-ctrl-1/,
    );
    fails('sockets count', () => cpu('k8s-ctrl-1', { cores: 80, sockets: 2 }), /found 208/);
    fails(
      'a smaller ratio',
      () => cpu('k8s-ctrl-1', { cores: 49 }),
      /baldar: expected at most 96 virtual cores .* found 97/,
      { ratio: 1 },
    );
    unjudged('one VM’s cores', () => cpu('k8s-ctrl-1', { cores: UNKNOWN.number }), /cores/);
  });

  testPolicy(hostLoss, ({ passes, fails, unjudged }) => {
    passes('the others take them', cluster);
    fails(
      'no room on the others, for any of them',
      () =>
        ['k8s-work-1', 'k8s-work-2', 'k8s-work-3', 'k8s-work-5'].reduce(
          (stack, node) => memory(node, 150_000, stack),
          cluster(),
        ),
      [
        /baldar: if it fails, expected room for its 231920 MiB of VMs on the other hosts, found \d+ MiB/,
        /heimdall: if it fails/,
        /odin: if it fails/,
        /thor: if it fails/,
      ],
    );
    unjudged('one VM’s memory', () => memory('k8s-ctrl-1', UNKNOWN.number), /dedicated/);
  });
});
