import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { V1Pod } from '@kubernetes/client-node';
import type { Connection } from '../../../lab/kubernetes/connection.js';
import { isReady } from '../../../lab/kubernetes/kubelets.js';
import { applyWorkloads } from '../../../lab/kubernetes/workloads/index.js';
import { parseAuditLine } from '../../../lab/monitor/audit-log.js';
import { LAB_USERS } from '../../../lab/kubernetes/index.js';
import { AUDIT_POLICY } from '../../../lab/monitor/index.js';
import { findBinaries, plan, Stage, until } from './support.js';

describe('lab/kubernetes: a Job whose pod connects to something', () => {
  let stage: Stage;
  let api: Connection;

  before(async () => {
    stage = new Stage(148, await findBinaries(), { auditPolicy: AUDIT_POLICY });
    const nodes = plan(stage.network, 1, 3);
    api = await stage.start(nodes);
    const shape = nodes.map(({ name, role }) => ({ name, role, gpus: 0 }));
    const outside = { address: stage.network.control, port: stage.network.ports.ingress };
    await applyWorkloads(await stage.cluster.adminKubeconfig(), shape, outside);
    await untilPods((pods) => pods.filter(isDns).filter(isReady).length === 2);
  });

  after(async () => {
    const failures = stage.failures();
    await stage.close();
    assert.deepEqual(failures, []);
  });

  const untilPods = (fits: (pods: readonly V1Pod[]) => boolean): Promise<readonly V1Pod[]> =>
    until<V1Pod>(api, '/api/v1/pods', fits);
  const isDns = ({ metadata }: V1Pod): boolean => metadata?.labels?.['k8s-app'] === 'kube-dns';
  const cordon = (name: string, unschedulable: boolean): Promise<unknown> =>
    api.patch(`/api/v1/nodes/${name}`, 'merge', { spec: { unschedulable: unschedulable ? true : null } });
  const JOBS = '/apis/batch/v1/namespaces/default/jobs';
  const connecting = (name: string, nodeName: string, targets: Record<string, string>): object => ({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, namespace: 'default' },
    spec: {
      backoffLimit: 0,
      ttlSecondsAfterFinished: 3600,
      template: {
        spec: {
          nodeName,
          restartPolicy: 'Never',
          tolerations: [{ operator: 'Exists' }],
          dnsConfig: {
            options: [
              { name: 'timeout', value: '1' },
              { name: 'attempts', value: '1' },
            ],
          },
          containers: Object.entries(targets).map(([container, target]) => ({
            name: container,
            image: 'registry.k8s.io/e2e-test-images/agnhost:2.63.0',
            args: ['connect', target, '--timeout=1s'],
            terminationMessagePolicy: 'FallbackToLogsOnError',
          })),
        },
      },
    },
  });
  const API = '[$(KUBERNETES_SERVICE_HOST)]:$(KUBERNETES_SERVICE_PORT)';
  /** @returns the pod once it has ended, and what each container left. */
  const endOf = async (name: string): Promise<{ pod: V1Pod; left: Record<string, string> }> => {
    const of = ({ metadata }: V1Pod) => metadata!.labels?.['batch.kubernetes.io/job-name'] === name;
    const pods = await untilPods((all) =>
      all.some((pod) => of(pod) && ['Succeeded', 'Failed'].includes(pod.status?.phase ?? '')),
    );
    const pod = pods.find(of)!;
    const told = (pod.status?.containerStatuses ?? []).map(({ name: container, state }) => {
      const { exitCode, message = '' } = state!.terminated!;
      return [container, `${exitCode} ${message}`.trim()];
    });
    return { pod, left: Object.fromEntries(told) as Record<string, string> };
  };
  const addressOfDns = async (elsewhere: string): Promise<{ address: string; node: string }> => {
    const pods = await untilPods((all) => all.some(isDns));
    const found = pods.find((pod) => isDns(pod) && pod.spec?.nodeName !== elsewhere)!;
    return { address: found.status!.podIP!, node: found.spec!.nodeName! };
  };
  const gone = (name: string): Promise<unknown> =>
    untilPods((pods) => !pods.some(({ metadata }) => metadata!.labels?.['batch.kubernetes.io/job-name'] === name));

  it('reaches the API by name and address and pods elsewhere, on a cordoned node as well', async () => {
    await cordon('worker-3', true);
    const { address } = await addressOfDns('worker-3');
    const targets = { dns: 'kubernetes.default.svc:443', api: API, pod: `[${address}]:53` };
    await api.create(JOBS, connecting('well', 'worker-3', targets));
    const { pod, left } = await endOf('well');
    assert.deepEqual([pod.status?.phase, pod.spec?.nodeName], ['Succeeded', 'worker-3']);
    assert.deepEqual(left, { dns: '0', api: '0', pod: '0' });
    await cordon('worker-3', false);
  });

  it('reaches nothing that is not there', async () => {
    const targets = {
      dns: 'nobody.default.svc:443',
      pod: '10.244.250.250:53',
      port: '[$(KUBERNETES_SERVICE_HOST)]:1',
    };
    await api.create(JOBS, connecting('lost', 'worker-3', targets));
    const { pod, left } = await endOf('lost');
    assert.equal(pod.status?.phase, 'Failed');
    assert.deepEqual(left, {
      dns: '1 DNS: lookup nobody.default.svc: no such host',
      pod: '1 TIMEOUT',
      port: '1 TIMEOUT',
    });
  });

  it('reaches nothing while the fault pod-network-down is set for its node, nor pods of a node that has it', async () => {
    const { address, node: faulty } = await addressOfDns('worker-3');
    stage.world.faults.set('pod-network-down', 'worker-3');
    await api.create(JOBS, connecting('cut', 'worker-3', { dns: 'kubernetes.default.svc:443', api: API }));
    assert.deepEqual((await endOf('cut')).left, {
      dns: '1 DNS: lookup kubernetes.default.svc: i/o timeout',
      api: '1 TIMEOUT',
    });
    stage.world.faults.clear('pod-network-down', 'worker-3');
    stage.world.faults.set('pod-network-down', faulty);
    await api.create(JOBS, connecting('other-side', 'worker-3', { api: API, pod: `[${address}]:53` }));
    assert.deepEqual((await endOf('other-side')).left, { api: '0', pod: '1 TIMEOUT' });
    stage.world.faults.clear('pod-network-down');
  });

  it('a deleted Job takes its pod along, by the hands of Kubernetes itself', async () => {
    for (const name of ['well', 'lost', 'cut', 'other-side']) {
      await api.delete(`${JOBS}/${name}`, { propagationPolicy: 'Background' });
      await gone(name);
    }
    const audited = readFileSync(stage.cluster.auditLog, 'utf8').trim().split('\n').map(parseAuditLine);
    const deleters = audited.filter((entry) => entry?.pod.startsWith('default/well') && !entry.eviction);
    // A kubelet says by its own deletion that a pod which was still running has ended.
    assert.deepEqual(
      [...new Set(deleters.map((entry) => entry!.user))].filter(
        (user) => !(LAB_USERS as readonly string[]).includes(user),
      ),
      ['system:serviceaccount:kube-system:generic-garbage-collector'],
    );
  });
});
