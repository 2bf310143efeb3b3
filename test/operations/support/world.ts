import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import { DEFAULT_SETTINGS, type BracketInputs, type StepContext } from '../../../operations/src/index';
import type { Holder, Processes } from '../../../operations/src/runtime/processes';
import type { StepDeps } from '../../../operations/src/step';
import { FakeKubernetes } from './fakeKubernetes';
import { FakeLinstor } from './fakeLinstor';
import { FakeProxmox, FakeTalos, type FakeMachine } from './fakeMachines';
import { VirtualClock } from './virtualClock';

export const LEASE = '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/prox-ops-rollout';
export const RELEASE = { talos: 'v1.13.0', kubernetes: 'v1.36.3', schematic: 'abc123' };
const CONTROL_PLANES = ['c1', 'c2', 'c3'];
const WORKERS = ['w1', 'w2', 'w3'];

export interface Run {
  ctx: Partial<StepContext>;
  deps: Partial<StepDeps>;
}

/** A healthy cluster of three control planes and three workers, in virtual time. */
export class World {
  readonly clock = new VirtualClock();
  readonly kubernetes = new FakeKubernetes(this.clock);
  readonly linstor = new FakeLinstor(this.clock);
  readonly talos = new FakeTalos();
  readonly proxmox = new FakeProxmox();
  readonly lines: string[] = [];
  /** Holders that are proved gone or alive; every other one is on another machine. */
  readonly proofs = new Map<string, boolean>();
  engineAlive = true;
  env: Record<string, string | undefined> = {};
  withoutLinstor = false;
  /** Whether the Kubernetes identity came from the environment. */
  givenIdentity = false;
  /** Made by the first snapshot. */
  readonly snapshots = joinPath(tmpdir(), `prox-ops-test-snapshots-${randomUUID()}`);
  private settings = { ...DEFAULT_SETTINGS, snapshotDirectory: this.snapshots };

  constructor() {
    for (const name of [...CONTROL_PLANES, ...WORKERS]) this.addNode(name);
    for (const name of WORKERS) this.linstor.satellite(name);
    this.kubernetes.put('/apis/apps/v1/namespaces/kube-system/deployments/coredns', {
      metadata: { namespace: 'kube-system', labels: { 'k8s-app': 'kube-dns' } },
      spec: { replicas: 2 },
      status: { availableReplicas: 2 },
    });
    this.kubernetes.put('/apis/discovery.k8s.io/v1/namespaces/kube-system/endpointslices/kube-dns-x', {
      metadata: { namespace: 'kube-system', labels: { 'kubernetes.io/service-name': 'kube-dns' } },
      endpoints: [{ addresses: ['10.96.0.10'], conditions: { ready: true } }],
    });
  }

  /** One worker more, with a satellite. */
  addWorker(name: string): void {
    this.addNode(name);
    this.linstor.satellite(name);
  }

  set(settings: Partial<BracketInputs['settings']>): void {
    this.settings = { ...this.settings, ...settings };
  }

  inputs(name: string, node: Partial<BracketInputs['node']> = {}): BracketInputs {
    return {
      node: { ...this.target(name), ...node },
      access: {
        clusterName: 'test',
        kubeconfig: 'users: [{user: {client-key-data: c2VjcmV0LWtleS1kYXRh}}]',
        talosconfig: 'contexts: {}',
        controlPlanes: CONTROL_PLANES.map(addressOf),
        proxmoxEndpoint: 'https://pve:8006',
        proxmoxToken: 'root@pam!ops=12345678-aaaa-bbbb-cccc-123456789012',
        ...(this.withoutLinstor ? {} : { linstor: { namespace: 'piraeus', selector: 'app=linstor' } }),
      },
      settings: this.settings,
      release: RELEASE,
      vm: String(this.target(name).vmId),
    };
  }

  /** A run of its own: another run id and process than every other. */
  run(id: string): Run {
    const { kubernetes, talos, proxmox, linstor } = this;
    const { givenIdentity } = this;
    const session = { kubernetes, talos, proxmox, givenIdentity, ...(this.withoutLinstor ? {} : { linstor }) };
    return {
      ctx: { runId: id, holder: `tester@here:${id}`, clock: this.clock, report: (line) => void this.lines.push(line) },
      deps: {
        connect: () => Promise.resolve(session),
        processes: this.processes(id),
        every: (ms, callback) => this.clock.every(ms, callback),
        env: this.env,
      },
    };
  }

  node(name: string): Record<string, unknown> & {
    metadata: { annotations?: Record<string, string> };
    spec?: { unschedulable?: boolean };
  } {
    return this.kubernetes.at(`/api/v1/nodes/${name}`);
  }

  lease(): { spec: Record<string, unknown>; metadata: { annotations: Record<string, string> } } | undefined {
    return this.kubernetes.at(LEASE);
  }

  machine(name: string): FakeMachine {
    return this.talos.machine(addressOf(name));
  }

  pod(name: string, node: string, more: { metadata?: object; spec?: object; status?: object } = {}): void {
    this.kubernetes.put(`/api/v1/namespaces/default/pods/${name}`, {
      metadata: {
        namespace: 'default',
        uid: `uid-${name}`,
        creationTimestamp: new Date(this.clock.now()).toISOString(),
        ownerReferences: [{ kind: 'ReplicaSet', name: 'web', controller: true }],
        ...more.metadata,
      },
      spec: { nodeName: node, ...more.spec },
      status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }], ...more.status },
    });
  }

  ready(name: string, ready: boolean): void {
    const path = `/api/v1/nodes/${name}`;
    const node = this.kubernetes.at(path);
    const conditions = [{ type: 'Ready', status: ready ? 'True' : 'False', message: ready ? '' : 'kubelet is down' }];
    this.kubernetes.put(path, { ...node, status: { ...node.status, conditions } });
  }

  /** The text of everything reported. */
  get told(): string {
    return this.lines.join('\n');
  }

  private target(name: string): BracketInputs['node'] {
    const role = name.startsWith('c') ? 'controlplane' : 'worker';
    return {
      name,
      role,
      vmId: vmIdOf(name),
      uuid: uuidOf(name),
      host: 'pve1',
      address: addressOf(name),
      satellite: role === 'worker',
    };
  }

  private addNode(name: string): void {
    const { vmId, uuid, host, address, role } = this.target(name);
    this.kubernetes.put(`/api/v1/nodes/${name}`, {
      status: {
        addresses: [{ type: 'InternalIP', address }],
        conditions: [{ type: 'Ready', status: 'True' }],
        nodeInfo: { systemUUID: uuid, kubeletVersion: RELEASE.kubernetes, bootID: `boot-${name}` },
      },
    });
    this.proxmox.vms.set(vmId, { vmid: vmId, name, host, uuid });
    const member = {
      id: `a${name.slice(1)}`,
      hostname: name,
      peerUrls: [`https://${address}:2380`],
      learner: false,
      raftIndex: 100,
      raftAppliedIndex: 100,
      errors: '',
    };
    this.talos.machines.set(address, {
      address,
      stage: 'running',
      ready: true,
      reachable: true,
      version: RELEASE.talos,
      schematic: RELEASE.schematic,
      bootId: `boot-${name}`,
      ...(role === 'controlplane' && { member }),
    });
  }

  private processes(id: string): Processes {
    const self: Holder = { host: 'here', scope: 'boot', pid: 1, start: id, engine: [] };
    return {
      self: () => self,
      engineAlive: () => this.engineAlive,
      endWithEngine: () => undefined,
      gone: (holder) => this.proofs.get(holder.start),
    };
  }
}

export function addressOf(name: string): string {
  return `10.0.${name.startsWith('c') ? 0 : 1}.${name.slice(1)}`;
}

function vmIdOf(name: string): number {
  return (name.startsWith('c') ? 8000 : 8010) + Number(name.slice(1));
}

function uuidOf(name: string): string {
  return `00000000-0000-4000-8000-00000000${vmIdOf(name)}`;
}
