import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, request, type IncomingMessage } from 'node:http';
import { PassThrough } from 'node:stream';
import { KubeConfig, PortForward } from '@kubernetes/client-node';
import type { V1Node, V1Pod, V1PodDisruptionBudget, V1VolumeAttachment } from '@kubernetes/client-node';
import { ApiError, ifExists, type Connection } from '../../../lab/kubernetes/connection.js';
import { isReady } from '../../../lab/kubernetes/kubelets.js';
import { LAB_USERS } from '../../../lab/kubernetes/index.js';
import { applyWorkloads, workloadsSettled, workloadVolumes } from '../../../lab/kubernetes/workloads/index.js';
import { parseAuditLine } from '../../../lab/monitor/audit-log.js';
import { AUDIT_POLICY } from '../../../lab/monitor/index.js';
import { findBinaries, plan, Stage, until, type NodePlan } from './support.js';

/** A failure of the lab itself must not look like a test that hangs. */
const LIMIT = 60_000;
const NODES = '/api/v1/nodes';
const PODS = '/api/v1/pods';

describe('lab/kubernetes: the real control plane', () => {
  let stage: Stage;
  let api: Connection;
  let nodes: NodePlan[];

  before(async () => {
    // Shorter than two busy cores bear with fifteen nodes; seven nodes cost little.
    const timing = { heartbeat: 1_000, monitorPeriod: 500, grace: 4_000, toleration: 30 };
    stage = new Stage(105, await findBinaries(), { timing, auditPolicy: AUDIT_POLICY });
    nodes = plan(stage.network, 3, 3, 1).map((node) =>
      node.gpu === undefined ? node : { ...node, labels: { 'nvidia.com/gpu.present': 'true' } },
    );
    api = await stage.start(nodes);
  });

  after(async () => {
    const failures = stage.failures();
    await stage.close();
    assert.deepEqual(failures, []);
  });

  const node = (name: string): Promise<V1Node> => api.get<V1Node>(`${NODES}/${name}`);
  const untilNode = (name: string, fits: (node: V1Node) => boolean): Promise<readonly V1Node[]> =>
    until<V1Node>(api, NODES, (all) => all.some((one) => one.metadata!.name === name && fits(one)));
  const untilPods = (fits: (pods: readonly V1Pod[]) => boolean): Promise<readonly V1Pod[]> =>
    until<V1Pod>(api, PODS, fits);
  const settled = async (): Promise<void> =>
    workloadsSettled(await stage.cluster.adminKubeconfig(), AbortSignal.timeout(LIMIT));
  const podsOf = async (name: string, namespace = 'shop'): Promise<V1Pod[]> => {
    const selector = encodeURIComponent(`app.kubernetes.io/name=${name}`);
    const path = `/api/v1/namespaces/${namespace}/pods?labelSelector=${selector}`;
    const { items } = await api.get<{ items: V1Pod[] }>(path);
    return items.filter((pod) => pod.metadata!.deletionTimestamp === undefined);
  };
  const askIngress = async (host: string): Promise<number | undefined> => {
    const { control, ports } = stage.network;
    const asked = request({ host: control, port: ports.ingress, headers: { host } }).end();
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    response.resume();
    return response.statusCode;
  };
  /**
   * @returns the HTTP status that the cluster's ingress answers for a host with. The ingress has a watch of its own: it may
   * hear of a pod's readiness a moment after this test's.
   */
  const statusAt = async (host: string): Promise<number | undefined> => {
    for (let left = 100; ; left -= 1) {
      const status = await askIngress(host).catch(() => 503);
      if (status !== 503 || left === 0) return status;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  /** @returns the HTTP status. */
  const evict = async (pod: V1Pod): Promise<number> => {
    const { name, namespace } = pod.metadata!;
    const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace } };
    try {
      await api.create(`/api/v1/namespaces/${namespace}/pods/${name}/eviction`, body);
      return 201;
    } catch (error) {
      if (error instanceof ApiError) return error.status;
      throw error;
    }
  };
  const cordon = (name: string, unschedulable: boolean): Promise<unknown> =>
    api.patch(`${NODES}/${name}`, 'merge', { spec: { unschedulable: unschedulable ? true : null } });
  const budgetAllows = (name: string, allowed: number): Promise<unknown> =>
    until<V1PodDisruptionBudget>(api, '/apis/policy/v1/poddisruptionbudgets', (all) =>
      all.some((one) => one.metadata!.name === name && one.status?.disruptionsAllowed === allowed),
    );

  it('registers nodes as their kubelets would, and they turn Ready', async () => {
    await until<V1Node>(api, NODES, (all) => all.length === nodes.length && all.every(isReady));
    const machine = stage.machines.byNode('cp-1')!;
    const found = await node('cp-1');
    assert.deepEqual(found.status?.addresses, [
      { type: 'InternalIP', address: machine.address },
      { type: 'Hostname', address: 'cp-1' },
    ]);
    assert.equal(found.status?.nodeInfo?.osImage, 'Talos (v1.11.5)');
    assert.equal(found.status?.nodeInfo?.systemUUID, machine.uuid);
    assert.equal(found.status?.nodeInfo?.bootID, machine.bootId);
    assert.equal(found.status?.nodeInfo?.kubeletVersion, 'v1.34.1');
    assert.equal(found.metadata?.labels?.['node-role.kubernetes.io/control-plane'], '');
    await untilNode('cp-1', ({ spec }) => {
      const taints = spec?.taints?.map(({ key, effect }) => `${key}:${effect}`);
      return taints?.length === 1 && taints[0] === 'node-role.kubernetes.io/control-plane:NoSchedule';
    });
    assert.ok(stage.cluster.nodeReady('cp-1'));
  });

  it('shows static pods of control planes, which come back when they are deleted', async () => {
    const path = '/api/v1/namespaces/kube-system/pods/kube-scheduler-cp-2';
    const before = await api.get<V1Pod>(path);
    assert.equal(before.metadata?.ownerReferences?.[0]?.kind, 'Node');
    assert.ok(before.metadata?.annotations?.['kubernetes.io/config.mirror']);
    await api.delete(path);
    await untilPods((pods) =>
      pods.some(
        (pod) =>
          pod.metadata!.name === 'kube-scheduler-cp-2' && pod.metadata!.uid !== before.metadata!.uid && isReady(pod),
      ),
    );
  });

  it('runs all workloads, with volumes attached and told to the storage, and GPUs after the device plugin', async () => {
    const shape = nodes.map(({ name, role, gpu }) => ({ name, role, gpus: gpu === undefined ? 0 : 1 }));
    const outside = { address: stage.network.control, port: stage.network.ports.ingress };
    await applyWorkloads(await stage.cluster.adminKubeconfig(), shape, outside);
    await settled();
    const [published, unknown] = await Promise.all(['web.example.net', 'other.example.net'].map(statusAt));
    assert.deepEqual([published, unknown], [200, 404]);
    const volumes = workloadVolumes({ workers: 3, gpuNodes: [] }).map(({ name }) => name);
    assert.deepEqual([...stage.storage.inUse.keys()].sort(), volumes.sort());
    assert.equal((await node('worker-1')).status?.allocatable?.['nvidia.com/gpu'], '1');
    const [inference] = await podsOf('inference-worker-1', 'ai');
    assert.equal(inference?.spec?.nodeName, 'worker-1');
  });

  it("forwards a port of LINSTOR's controller to the lab's", async () => {
    const linstor = createServer((_, response) => response.end('LINSTOR'));
    linstor.listen(stage.network.ports.linstor, stage.network.control);
    try {
      const [pod] = await podsOf('linstor-controller', 'piraeus-datastore');
      const config = new KubeConfig();
      config.loadFromString(await stage.cluster.adminKubeconfig());
      const answer = new PassThrough();
      const question = new PassThrough();
      const { name, namespace } = pod!.metadata!;
      const forward = new PortForward(config);
      const socket = await forward.portForward(namespace!, name!, [3370], answer, null, question);
      question.write('GET /health HTTP/1.1\r\nHost: linstor\r\nConnection: close\r\n\r\n');
      const [text] = (await once(answer, 'data')) as [Buffer];
      (socket as { close(): void }).close();
      assert.match(text.toString(), /^HTTP\/1.1 200 OK[^]*LINSTOR/);
    } finally {
      linstor.close();
    }
  });

  it('refuses an eviction that the budget does not allow, and allows it once the replacement is ready', async () => {
    const [first, second] = await podsOf('web');
    assert.equal(await evict(first!), 201);
    assert.equal(await evict(second!), 429);
    await budgetAllows('web', 1);
    assert.equal(await evict(second!), 201);
    await settled();
    const audited = readFileSync(stage.cluster.auditLog, 'utf8').trim().split('\n').map(parseAuditLine);
    const codes = audited.filter((entry) => entry?.eviction && entry.user === 'admin').map((entry) => entry!.code);
    assert.deepEqual(codes, [201, 429, 201]);
    const deleters = audited.filter((entry) => entry?.pod.startsWith('shop/web') && !entry.eviction);
    assert.ok(deleters.every((entry) => entry?.user === LAB_USERS[0]));
  });

  it('lets no eviction of web pass while the fault pdb-never-allows is set', async () => {
    const [pod] = await podsOf('web');
    await budgetAllows('web', 1);
    stage.world.faults.set('pdb-never-allows');
    await budgetAllows('web', 0);
    assert.equal(await evict(pod!), 429);
    stage.world.faults.clear('pdb-never-allows');
    await budgetAllows('web', 1);
    assert.equal(await evict(pod!), 201);
    await settled();
  });

  it('keeps the first evicted pod of a node terminating while the fault pod-never-terminates is set', async () => {
    const host = 'worker-2';
    stage.world.faults.set('pod-never-terminates', host);
    const mine = (pod: V1Pod): boolean => pod.spec?.nodeName === host;
    await untilPods((pods) =>
      pods.filter(mine).every((pod) => pod.metadata?.annotations?.['lab.prox-ops.io/never-terminates'] !== undefined),
    );
    await cordon(host, true);
    const victim = [...(await podsOf('api')), ...(await podsOf('web'))].find(mine)!;
    assert.equal(await evict(victim), 201);
    const other = (await podsOf('thumbnails')).concat(await podsOf('web')).find(mine);
    await untilPods((pods) =>
      pods.filter(mine).every((pod) => {
        const held = pod.metadata?.annotations?.['lab.prox-ops.io/never-terminates'] !== undefined;
        return held === (pod.metadata!.uid === victim.metadata!.uid);
      }),
    );
    if (other) {
      await budgetAllows('web', 1);
      assert.equal(await evict(other), 201);
      await untilPods((pods) => !pods.some((pod) => pod.metadata!.uid === other.metadata!.uid));
    }
    const hanging = await api.get<V1Pod>(`/api/v1/namespaces/shop/pods/${victim.metadata!.name}`);
    assert.ok(hanging.metadata?.deletionTimestamp);
    stage.world.faults.clear('pod-never-terminates', host);
    await untilPods((pods) => !pods.some((pod) => pod.metadata!.uid === victim.metadata!.uid));
    await cordon(host, false);
    await settled();
  });

  it('detaches the volumes of an evicted pod, and tells the storage that they are not in use there', async () => {
    const pod = (await podsOf('db', 'data'))[0]!;
    const host = pod.spec!.nodeName!;
    const volumes = [...stage.storage.inUse].filter(([, where]) => where === host).map(([volume]) => volume);
    await cordon(host, true);
    await budgetAllows('db', 1);
    assert.equal(await evict(pod), 201);
    for (const other of (await podsOf('registry', 'data')).filter(({ spec }) => spec?.nodeName === host)) {
      assert.equal(await evict(other), 201);
    }
    await until<V1VolumeAttachment>(
      api,
      '/apis/storage.k8s.io/v1/volumeattachments',
      (all) => !all.some(({ spec }) => spec.nodeName === host),
    );
    for (const volume of volumes) assert.notEqual(stage.storage.inUse.get(volume), host);
    await cordon(host, false);
    await settled();
  });

  it('has a silent node declared gone, leaves its pods as last seen, and ends them when the machine is back', async () => {
    const host = 'worker-3';
    await cordon(host, true);
    const mine = (pod: V1Pod): boolean => pod.spec?.nodeName === host;
    // One without a budget: the budget of web allows nothing more, once its pods here are not ready.
    const stuck = (await podsOf('api')).find(mine)!;
    const satellite = (await podsOf('linstor-satellite', 'piraeus-datastore')).find(mine)!;
    stage.cluster.kubeletDown(host);
    assert.equal(stage.cluster.nodeReady(host), false);
    await untilNode(host, (found) =>
      found.status!.conditions!.some(({ type, status }) => type === 'Ready' && status === 'Unknown'),
    );
    assert.deepEqual(
      [...stage.storage.inUse.values()].filter((where) => where === host),
      [],
    );
    assert.equal(await evict(stuck), 201);
    const path = `/api/v1/namespaces/shop/pods/${stuck.metadata!.name}`;
    assert.ok((await api.get<V1Pod>(path)).metadata?.deletionTimestamp);

    stage.cluster.kubeletUp(
      stage.machines.build(
        nodes.find(({ name }) => name === host)!,
        'v1.34.2',
      ),
    );
    await untilNode(host, (found) => isReady(found) && found.status?.nodeInfo?.kubeletVersion === 'v1.34.2');
    await untilPods((pods) => !pods.some((pod) => pod.metadata!.uid === stuck.metadata!.uid));
    assert.equal((await node(host)).spec?.unschedulable, true);
    const [again] = await untilPods((pods) =>
      pods.some((pod) => pod.metadata!.uid === satellite.metadata!.uid && isReady(pod)),
    ).then((pods) => pods.filter((pod) => pod.metadata!.uid === satellite.metadata!.uid));
    assert.equal(again!.status?.containerStatuses?.[0]?.restartCount, 1);
    await cordon(host, false);
    await settled();
  });

  it('keeps a node not ready, yet heard of, while the fault never-ready is set', async () => {
    const host = 'worker-3';
    stage.world.faults.set('never-ready', host);
    stage.cluster.kubeletDown(host);
    stage.cluster.kubeletUp(stage.machines.build(nodes.find(({ name }) => name === host)!));
    const { uuid, bootId } = stage.machines.byNode(host)!;
    await untilNode(host, (found) => found.status?.nodeInfo?.bootID === bootId && !isReady(found));
    assert.equal((await node(host)).status?.nodeInfo?.systemUUID, uuid);
    assert.equal(stage.cluster.nodeReady(host), false);
    stage.world.faults.clear('never-ready', host);
    await untilNode(host, isReady);
    await settled();
  });

  it('serves on every control plane, also one that joined later, and nowhere else', async () => {
    const late = { name: 'cp-4', role: 'controlplane', address: stage.network.map('10.20.67.4') } as const;
    stage.cluster.kubeletUp(stage.machines.build(late));
    await until<V1Node>(api, NODES, (all) => all.some((one) => one.metadata!.name === 'cp-4' && isReady(one)));
    stage.machines.setServing('cp-1', 'cp-4');
    await new Promise(setImmediate);
    assert.equal(await probe(late.address), 'ok');
    assert.equal(await probe(nodes[0]!.address), 'ok');
    assert.match(await probe(nodes[1]!.address), /ECONNREFUSED/);
    stage.machines.setServing('cp-1', 'cp-2', 'cp-3');
  });

  it('takes the API away with the quorum, watches included, and gives it back', async () => {
    const lost = stage.event('kubernetes.api', ({ reachable }) => !reachable);
    stage.machines.setServing();
    await lost;
    assert.match(await api.probe('/readyz'), /ECONNREFUSED|ECONNRESET|socket hang up/);
    const back = stage.event('kubernetes.api', ({ reachable }) => reachable);
    stage.machines.setServing('cp-1', 'cp-2');
    await back;
    assert.equal(await api.probe('/readyz'), 'ok');
    stage.machines.setServing('cp-1', 'cp-2', 'cp-3');
  });

  it('has a kubelet wait for the API before it registers', async () => {
    const late = { name: 'worker-9', role: 'worker', address: stage.network.map('10.20.67.19') } as const;
    stage.machines.setServing();
    await new Promise(setImmediate);
    stage.cluster.kubeletUp(stage.machines.build(late));
    const observer = await stage.observe();
    await stage.world.clock.delay(stage.world.durations.kubelet + 100);
    assert.equal(await ifExists(observer.get(`${NODES}/worker-9`)), undefined);
    stage.machines.setServing('cp-1', 'cp-2', 'cp-3');
    await untilNode('worker-9', isReady);
  });

  it('refuses or cuts connections under the faults of the API', async () => {
    stage.world.faults.set('kubernetes-api-down');
    assert.match(await probe(stage.virtualAddress), /ECONNREFUSED/);
    stage.world.faults.clear('kubernetes-api-down');
    assert.equal(await probe(stage.virtualAddress), 'ok');
    stage.world.faults.set('kubernetes-api-flaps');
    const answers = [await probe(stage.virtualAddress), await probe(stage.virtualAddress)];
    assert.equal(answers.filter((answer) => answer === 'ok').length, 1);
    stage.world.faults.clear('kubernetes-api-flaps');
  });

  it('is empty after a wipe, and its programs are gone', async () => {
    const before = Object.values(stage.cluster.pids());
    for (const { node } of stage.machines.running()) stage.cluster.kubeletDown(node);
    stage.machines.clear();
    await stage.cluster.wipe();
    for (const pid of before) assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
    assert.match(await api.probe('/readyz'), /ECONNREFUSED|ECONNRESET|socket hang up/);
    api = await stage.start(nodes.slice(0, 1));
    await untilNode('cp-1', isReady);
    assert.equal((await api.get<{ items: V1Node[] }>(NODES)).items.length, 1);
    assert.deepEqual((await api.get<{ items: V1Pod[] }>('/api/v1/namespaces/default/pods')).items, []);
  });

  /** Over a new connection. */
  async function probe(address: string): Promise<string> {
    const kubeconfig = JSON.parse(await stage.cluster.adminKubeconfig()) as {
      clusters: { cluster: { server: string } }[];
    };
    kubeconfig.clusters[0]!.cluster.server = `https://${address}:6443`;
    return stage.probe(JSON.stringify(kubeconfig));
  }
});
