import assert from 'node:assert/strict';
import type { V1Node, V1Pod } from '@kubernetes/client-node';
import { productionInventory } from '../../../lab/inventory/production.js';
import { bootStatus, gpuCount, registeredNode } from '../../../lab/kubernetes/node-object.js';
import { restartedPod } from '../../../lab/kubernetes/pod-restart.js';
import { fakeMachine, type NodePlan } from './support.js';
import { testAddress, testNetwork } from '../../support/network';

const inventory = productionInventory(testNetwork(105));
const WORKER: NodePlan = { name: 'worker-1', address: testAddress(105, '67.11'), role: 'worker' };
const machine = (node: NodePlan, generation = 1): ReturnType<typeof fakeMachine> =>
  fakeMachine(node, { kubelet: 'v1.34.1', uuid: '0b9c1f4e-3c39-4f5e-9f1c-1a2b3c4d5e6f', generation });

describe('lab/kubernetes: the Node of a machine', () => {
  it('finds itself cordoned when its namesake was, and keeps what others wrote on it', () => {
    const first = registeredNode(machine({ ...WORKER, labels: { zone: 'a', gone: 'x' } }));
    const existing: V1Node = {
      ...first,
      metadata: { ...first.metadata, labels: { ...first.metadata!.labels, team: 'blue' } },
      spec: {
        unschedulable: true,
        podCIDR: '10.244.3.0/24',
        taints: [{ key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }],
      },
    };
    const again = registeredNode(machine({ ...WORKER, labels: { zone: 'b' } }, 2), existing);
    assert.equal(again.spec?.unschedulable, true);
    assert.equal(again.spec?.podCIDR, '10.244.3.0/24');
    assert.deepEqual(again.spec?.taints, existing.spec!.taints);
    assert.equal(again.metadata?.labels?.['team'], 'blue');
    assert.equal(again.metadata?.labels?.['zone'], 'b');
    assert.equal(again.metadata?.labels?.['gone'], undefined);
  });

  it("has Talos' taints in each of the forms a configuration may have", () => {
    const taints = { dedicated: 'gpu:NoSchedule', maintenance: ':NoExecute', spare: 'PreferNoSchedule' };
    assert.deepEqual(registeredNode(machine({ ...WORKER, taints })).spec?.taints, [
      { key: 'dedicated', value: 'gpu', effect: 'NoSchedule' },
      { key: 'maintenance', effect: 'NoExecute' },
      { key: 'spare', effect: 'PreferNoSchedule' },
    ]);
  });

  it('offers no GPU after a boot until the device plugin is back', () => {
    const gpu = machine({ ...WORKER, gpu: 'thor-gpu' });
    assert.equal(gpuCount(gpu, inventory), 1);
    const { status } = bootStatus(gpu, inventory, new Date(0)) as { status: { capacity: object; allocatable: object } };
    assert.deepEqual(status.capacity, { ...status.capacity, 'nvidia.com/gpu': '0' });
    assert.equal(gpuCount(machine(WORKER), inventory), 0);
  });

  it('has another machine id on a new disk, and the same system UUID', () => {
    const info = (generation: number): Record<string, string> =>
      (
        bootStatus(machine(WORKER, generation), inventory, new Date(0)) as {
          status: { nodeInfo: Record<string, string> };
        }
      ).status.nodeInfo;
    assert.equal(info(1)['systemUUID'], info(2)['systemUUID']);
    assert.notEqual(info(1)['machineID'], info(2)['machineID']);
  });
});

describe('lab/kubernetes: pods of a node that booted', () => {
  const pod = (phase: string, restartCount: number): V1Pod => ({
    metadata: { name: 'web', namespace: 'shop' },
    status: {
      phase,
      containerStatuses: [
        {
          name: 'web',
          image: 'web',
          imageID: '',
          ready: true,
          restartCount,
          state: { running: { startedAt: new Date(0) } },
        },
      ],
    },
  });

  it('are restarted, not ready for that time', () => {
    const { status } = restartedPod(pod('Running', 2), new Date(0))!.status as { status: NonNullable<V1Pod['status']> };
    assert.equal(status.containerStatuses?.[0]?.restartCount, 3);
    assert.equal(status.containerStatuses?.[0]?.lastState?.terminated?.reason, 'ContainerStatusUnknown');
    assert.deepEqual(
      status.conditions?.map(({ type, status: value }) => `${type} ${value}`),
      ['Ready False', 'ContainersReady False'],
    );
  });

  it('stay as they are when they are over or never ran', () => {
    assert.equal(restartedPod(pod('Succeeded', 0), new Date(0)), undefined);
    assert.equal(restartedPod({ metadata: {}, status: { phase: 'Pending' } }, new Date(0)), undefined);
  });
});
