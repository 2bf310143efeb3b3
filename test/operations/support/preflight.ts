import assert from 'node:assert/strict';
import {
  assess,
  DEFAULT_SETTINGS,
  type Finding,
  type PreflightRequest,
  type TurnRequest,
} from '../../../operations/src/index';
import { takeSnapshot } from '../../../operations/src/preflight/snapshot';
import { addressOf, World } from './world';

export const CONTROL_PLANES = ['c1', 'c2', 'c3'].map(addressOf);
export const NODES = ['c1', 'c2', 'c3', 'w1', 'w2', 'w3'];
export const RELEASE = { talos: 'v1.13.0', kubernetes: 'v1.36.3' };

/** A cluster with room, whose nodes tell their versions as real ones do. */
export function cluster(): World {
  const world = new World();
  for (const name of NODES) {
    const path = `/api/v1/nodes/${name}`;
    const { status } = world.kubernetes.at(path);
    world.kubernetes.put(path, {
      metadata: { labels: { 'kubernetes.io/hostname': name } },
      spec: name.startsWith('c')
        ? { taints: [{ key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' }] }
        : {},
      status: {
        ...status,
        allocatable: { cpu: '4', memory: '8Gi', pods: '10' },
        nodeInfo: { ...status.nodeInfo, osImage: 'Talos (v1.13.0)' },
      },
    });
  }
  world.proxmox.vms.set(9000, { vmid: 9000, name: 'talos-1-13-0-standard-pve1', host: 'pve1', uuid: '' });
  const storage = { host: 'pve1', kind: 'rbd', available: true, content: ['images'], free: 2 ** 40 };
  world.proxmox.surroundings = { ...world.proxmox.surroundings, storages: [{ name: 'ceph', ...storage }] };
  return world;
}

export function turn(world: World, name: string, more: Partial<TurnRequest> = {}): TurnRequest {
  const { role, vmId, host, address } = world.inputs(name).node;
  return {
    ...{ name, role, vmId, host, address, action: 'replace', release: RELEASE, pci: [] },
    template: { vmId: 9000, name: 'talos-1-13-0-standard-pve1', host: 'pve1' },
    hardware: { memory: 16384, disks: [{ storage: 'ceph', size: 100 }] },
    ...more,
  };
}

export async function preflight(
  world: World,
  turns: TurnRequest[],
  more: Partial<PreflightRequest> = {},
): Promise<Finding[]> {
  const session = await world.run('plan').deps.connect!({} as never, world.clock);
  const snapshot = await takeSnapshot(session, DEFAULT_SETTINGS, CONTROL_PLANES, world.clock.now());
  const request = { turns, prepare: [], settings: DEFAULT_SETTINGS, ...more };
  const { findings } = assess(snapshot, request, CONTROL_PLANES, ({ start }) => world.proofs.get(start));
  assert.deepEqual([...world.kubernetes.writes, ...world.linstor.writes, ...world.talos.writes], []);
  return findings;
}

export function blockers(findings: Finding[]): string[] {
  return findings
    .filter(({ severity }) => severity === 'blocker')
    .map(({ topic, object, found }) => `${topic} ${object}: ${found}`);
}

export function budget(world: World, name: string, status: object, spec: object = { minAvailable: 1 }): void {
  world.kubernetes.put(`/apis/policy/v1/namespaces/default/poddisruptionbudgets/${name}`, {
    metadata: { namespace: 'default' },
    spec: { selector: { matchLabels: { app: 'web' } }, ...spec },
    status,
  });
}
