import assert from 'node:assert/strict';
import type { V1Pod } from '@kubernetes/client-node';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from '../../../lab/kubernetes/connection.js';
import { LAB_USERS } from '../../../lab/kubernetes/index.js';
import { applyWorkloads, workloadsSettled } from '../../../lab/kubernetes/workloads/index.js';
import {
  AUDIT_POLICY,
  type Invariant,
  type KubernetesSink,
  type KubernetesSource,
  LiveKubernetes,
  SafetyMonitor,
} from '../../../lab/monitor/index.js';
import { findBinaries, plan, Stage } from '../kubernetes/support.js';

/** Passes everything on, and lets a test wait until the watch has told something. */
class Overheard implements KubernetesSource {
  private readonly waiting = new Set<() => void>();
  readonly cordoned = new Set<string>();

  constructor(private readonly source: KubernetesSource) {}

  start(sink: KubernetesSink): void {
    this.source.start({
      ...sink,
      budget: (key, status) => sink.budget(key, status),
      pod: (key, labels) => sink.pod(key, labels),
      node: (name, status) => {
        sink.node(name, status);
        if (status?.cordoned) this.cordoned.add(name);
        else this.cordoned.delete(name);
        for (const look of this.waiting) look();
      },
    });
  }

  readNode(name: string) {
    return this.source.readNode(name);
  }

  stop(): void {
    this.source.stop();
  }

  toldCordoned(...names: string[]): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (names.length !== this.cordoned.size || !names.every((name) => this.cordoned.has(name))) return;
        this.waiting.delete(look);
        resolve();
      };
      this.waiting.add(look);
      look();
    });
  }
}

describe('safety monitor on a real Kubernetes API', () => {
  let stage: Stage;
  let api: Connection;
  let monitor: SafetyMonitor;
  let source: Overheard;

  before(async () => {
    stage = new Stage(108, await findBinaries(), { auditPolicy: AUDIT_POLICY });
    const nodes = plan(stage.network, 1, 2);
    api = await stage.start(nodes);
    monitor = new SafetyMonitor({
      events: stage.world.events,
      now: () => Date.now(),
      auditLog: stage.cluster.auditLog,
      labUsers: LAB_USERS,
    });
    source = new Overheard(new LiveKubernetes(await stage.cluster.observerKubeconfig()));
    monitor.connect(source);
    await applyWorkloads(
      await stage.cluster.observerKubeconfig(),
      nodes.map(({ name, role }) => ({ name, role, gpus: 0 })),
      { address: stage.network.control, port: stage.network.ports.ingress },
    );
    await workloadsSettled(await stage.cluster.observerKubeconfig(), AbortSignal.timeout(60_000));
    for (const [index, { name, role, address }] of nodes.entries()) {
      const vm = { vmid: 8001 + index, name, host: 'odin', generation: index };
      stage.world.events.emit({ type: 'vm.created', ...vm, uuid: `u${index}`, template: false });
      stage.world.events.emit({ type: 'vm.started', ...vm });
      const release = { talosVersion: 'v1.12.0', schematic: 's', kubelet: 'v1.34.1' };
      stage.world.events.emit({ type: 'machine.running', vmid: vm.vmid, node: name, address, role, ...release });
    }
    monitor.arm(nodes.map(({ name, role }, index) => ({ name, role, vmid: 8001 + index, uuid: `u${index}` })));
  });

  after(async () => {
    await monitor.close();
    await stage.close();
  });

  const cordon = (name: string, unschedulable: boolean | null) =>
    api.patch(`/api/v1/nodes/${name}`, 'merge', { spec: { unschedulable } });

  const violated = async (): Promise<Invariant[]> => {
    const { invariants } = await monitor.judgement();
    return invariants.filter(({ holds }) => !holds).map(({ invariant }) => invariant);
  };

  const webPod = async (): Promise<V1Pod> => {
    const { items } = await api.get<{ items: V1Pod[] }>('/api/v1/namespaces/shop/pods');
    // One that was evicted may still be listed while it terminates, and be gone by the time it is asked for.
    const pod = items.find(
      ({ metadata }) => metadata?.labels?.['app.kubernetes.io/name'] === 'web' && !metadata.deletionTimestamp,
    );
    assert.ok(pod, 'the workloads have a pod of web');
    return pod;
  };

  it('watches everything, and sees no violation in a cordon, an eviction and an uncordon', async () => {
    await cordon('worker-1', true);
    await source.toldCordoned('worker-1');
    const { name, namespace } = (await webPod()).metadata ?? {};
    const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace } };
    await api.create(`/api/v1/namespaces/${namespace}/pods/${name}/eviction`, eviction);
    await cordon('worker-1', null);
    await source.toldCordoned();
    assert.deepEqual(await violated(), []);
    assert.equal((await monitor.judgement()).complete, true);
  });

  it('reports a pod that was deleted around the eviction API, by whom and which', async () => {
    const { name } = (await webPod()).metadata ?? {};
    await api.delete(`/api/v1/namespaces/shop/pods/${name}`);
    // The API server writes its audit log when the answer is already under way.
    while ((await violated()).length === 0) await sleep(10);
    const verdict = (await monitor.judgement()).invariants.find(({ invariant }) => invariant === 'I4');
    assert.deepEqual(
      verdict?.violations.map(({ what }) => what),
      [`admin deleted pod shop/${name} around the eviction API`],
    );
  });

  it('reports a second node that is cordoned', async () => {
    await cordon('worker-1', true);
    await source.toldCordoned('worker-1');
    await cordon('worker-2', true);
    await source.toldCordoned('worker-1', 'worker-2');
    const verdict = (await monitor.judgement()).invariants.find(({ invariant }) => invariant === 'I1');
    assert.match(verdict?.violations[0]?.what ?? '', /worker-2 .*cordoned.* while worker-1 \(cordoned\)/);
  });
});
