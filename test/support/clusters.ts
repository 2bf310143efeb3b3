import fc from 'fast-check';
import { parse } from 'yaml';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StackConfig } from '../../config/schema';
import { inspect } from '../../config/validate';
import { REPOSITORY } from './stack-files';

interface Seed {
  hosts: string[];
  controlPlanes: number;
  workers: { name: string; host: number; gpu: boolean; onVlan: boolean; trunk: boolean; vmId: number }[];
  bothSlots: boolean;
  active: 'a' | 'b';
}

/** Made MACs are 24 bits of a hash: among so many clusters some have two that are equal, and are refused. */
const MAC_CLASH = 'a MAC address of its own';

const name = fc.stringMatching(/^[a-z][a-z0-9]{0,6}(-[a-z0-9]{1,4})?$/);

const seeds: fc.Arbitrary<Seed> = fc.record({
  hosts: fc.uniqueArray(name, { minLength: 1, maxLength: 8 }),
  controlPlanes: fc.constantFrom(1, 3, 5),
  workers: fc.uniqueArray(
    fc.record({
      name,
      host: fc.nat(),
      gpu: fc.boolean(),
      onVlan: fc.boolean(),
      trunk: fc.boolean(),
      vmId: fc.integer({ min: 200, max: 899 }),
    }),
    { maxLength: 40, comparator: (left, right) => left.name === right.name || left.vmId === right.vmId },
  ),
  bothSlots: fc.boolean(),
  active: fc.constantFrom('a', 'b'),
});

/** Valid clusters of 1 to 45 nodes on 1 to 8 hosts, with everything that the plan is made from at random. */
export function clusters(): fc.Arbitrary<StackConfig> {
  return seeds
    .map((seed) => inspect(rawCluster(seed)))
    .filter(({ problems }) => !problems.some(({ expected }) => expected === MAC_CLASH))
    .map(({ config, problems }) => {
      if (!config || problems.length > 0) throw new Error(`the generator made ${JSON.stringify(problems)}`);
      return config;
    });
}

/** Subsets of a cluster's nodes that are clusters themselves: with all control planes. */
export function fewerNodes(config: StackConfig): fc.Arbitrary<StackConfig> {
  const workers = Object.keys(config.nodes).filter((node) => config.nodes[node]?.role === 'worker');
  return fc.subarray(workers).map((gone) => {
    const nodes = Object.entries(config.nodes).filter(([node]) => !gone.includes(node));
    return { ...config, nodes: Object.fromEntries(nodes) };
  });
}

export function reordered(config: StackConfig): fc.Arbitrary<StackConfig> {
  const entries = Object.entries(config.nodes);
  return fc
    .shuffledSubarray(entries, { minLength: entries.length })
    .map((nodes) => ({ ...config, nodes: Object.fromEntries(nodes) }));
}

function rawCluster({ hosts, controlPlanes, workers, bothSlots, active }: Seed): Record<string, unknown> {
  const small = parse(readFileSync(join(REPOSITORY, 'test/fixtures/valid/small.yaml'), 'utf8')) as { config: object };
  const raw = Object.fromEntries(
    Object.entries(small.config).map(([key, value]) => [key.replace('prox-ops:', ''), value as unknown]),
  );
  const release = { talos: 'v1.12.4', kubernetes: 'v1.34.1' };
  const size = { cores: 1, memory: 2048, disk: 10 };
  return {
    ...raw,
    proxmox: {
      ...(raw.proxmox as object),
      trunkBridge: 'vmbr1',
      templateIds: { a: 9000, b: 9100 },
      hosts: hosts.map((host) => ({
        name: host,
        memory: 2 ** 20,
        cores: 64,
        bridges: ['vmbr0', 'vmbr1'],
        storages: ['ceph', 'local'],
        pci: workers.map((_, index) => `gpu-${index}`),
      })),
    },
    talos: {
      extensions: {
        standard: [],
        gpu: ['siderolabs/nonfree-kmod-nvidia-lts', 'siderolabs/nvidia-container-toolkit-lts'],
      },
    },
    releases: {
      active,
      ...((bothSlots || active === 'a') && { a: release }),
      ...((bothSlots || active === 'b') && { b: release }),
    },
    roles: { controlplane: size, worker: size },
    networks: { iot: { vlan: 62, subnet: '10.0.62.0/24' } },
    nodes: {
      ...Object.fromEntries(
        Array.from({ length: controlPlanes }, (_, index) => [
          `0-ctrl-${index}`,
          {
            role: 'controlplane',
            vmId: 101 + index,
            host: hosts[index % hosts.length],
            address: `10.0.0.${100 + index}`,
          },
        ]),
      ),
      ...Object.fromEntries(
        workers.map((worker, index) => [
          worker.name,
          {
            role: 'worker',
            vmId: worker.vmId,
            host: hosts[worker.host % hosts.length],
            address: `10.0.0.${20 + index}`,
            ...(worker.gpu && { variant: 'gpu', pci: [`gpu-${index}`] }),
            ...(worker.onVlan && { networks: { iot: `10.0.62.${20 + index}/24` } }),
            ...(worker.trunk && { trunk: { vlans: [62] } }),
          },
        ]),
      ),
    },
  };
}
