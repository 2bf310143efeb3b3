import type { V1Container, V1ContainerStatus, V1Pod, V1Service } from '@kubernetes/client-node';
import type { World } from '../world/world.js';
import { ifExists } from './connection.js';
import { isReady, podPath, type Kubelets } from './kubelets.js';
import type { Session } from './session.js';

/** What agnhost's `connect` leaves: its exit code and the line that it wrote. */
interface Ending {
  exitCode: number;
  message: string;
  /** Milliseconds that it took. */
  after: number;
}

const API_SERVICE = { namespace: 'default', name: 'kubernetes' } as const;
const DNS_SERVICE = { namespace: 'kube-system', name: 'kube-dns' } as const;
/** Names that a resolver tries for one with fewer than five dots: three of the search path, and the name itself. */
const NAMES_TRIED = 4;
/** Seconds after which Linux gives up on a connection that nobody answers. */
const KERNEL_TIMEOUT = 127;
/** Seconds and tries of a resolver that is told nothing. */
const RESOLVER = { timeout: 5, attempts: 2 };

/**
 * Containers that run agnhost's `connect HOST:PORT [--timeout=DURATION]`: they end as they would on a machine with a
 * network. A name is resolved by the cluster's DNS, a service's address leads to the service, a pod's to the pod. On a
 * node with the fault pod-network-down nothing answers them, and nothing on that node answers others.
 */
export class ConnectingPods {
  /** Pods whose containers were started, by uid. */
  private readonly begun = new Set<string>();

  constructor(
    private readonly world: World,
    private readonly session: Session,
    private readonly kubelets: Kubelets,
  ) {
    session.onPod((pod, gone) => this.onPod(pod, gone));
  }

  private onPod(pod: V1Pod, gone: boolean): void {
    const uid = pod.metadata!.uid!;
    if (gone) this.begun.delete(uid);
    if (gone || this.begun.has(uid) || pod.status?.phase !== 'Running' || !connects(pod)) return;
    this.begun.add(uid);
    this.end(pod).catch((error: unknown) => {
      if (this.session.signal.aborted) return;
      this.world.events.emit({ type: 'lab.failure', part: 'connecting-pods', message: String(error) });
    });
  }

  private async end(pod: V1Pod): Promise<void> {
    const endings = new Map<string, Ending>();
    await Promise.all(
      pod.spec!.containers.map(async (container) => {
        const ending = await this.ending(pod, container);
        await this.world.clock.delay(ending.after, this.session.signal);
        endings.set(container.name, ending);
      }),
    );
    if (!this.kubelets.serving(pod.spec!.nodeName!)) return;
    const status = endedStatus(pod, endings, new Date(this.world.clock.now()));
    await ifExists(this.session.connection.patch(`${podPath(pod)}/status`, 'strategic', { status }));
  }

  private async ending(pod: V1Pod, container: V1Container): Promise<Ending> {
    const [, target = '', ...flags] = container.args ?? [];
    const { host, port } = await this.expanded(target);
    const patience = secondsOf(flags) * 1000;
    const after = this.world.durations.podStart;
    const down = this.isDown(pod.spec!.nodeName);
    if (!/^[\d.]+$|:/.test(host)) {
      const resolved = down ? undefined : await this.resolved(host);
      if (resolved === undefined)
        return { exitCode: 1, message: `DNS: lookup ${host}: i/o timeout`, after: resolving(pod) };
      if (!resolved) return { exitCode: 1, message: `DNS: lookup ${host}: no such host`, after };
      return { exitCode: 0, message: '', after };
    }
    if (!down && (await this.answers(host, Number(port)))) return { exitCode: 0, message: '', after };
    return { exitCode: 1, message: 'TIMEOUT', after: patience };
  }

  /** The kubelet's environment for services is all that is put into an argument here. */
  private async expanded(target: string): Promise<{ host: string; port: string }> {
    const { spec } = await this.service(API_SERVICE);
    const text = target
      .replace('$(KUBERNETES_SERVICE_HOST)', spec!.clusterIP!)
      .replace('$(KUBERNETES_SERVICE_PORT)', String(spec!.ports![0]!.port));
    const match = /^(?:\[(.+)\]|([^:]+)):(\d+)$/.exec(text);
    return { host: match?.[1] ?? match?.[2] ?? text, port: match?.[3] ?? '' };
  }

  /** @returns undefined when no DNS answers, false when it knows no such service. */
  private async resolved(name: string): Promise<boolean | undefined> {
    const { spec } = await this.service(DNS_SERVICE);
    const servers = this.session.pods.list().filter((pod) => fits(pod, spec?.selector ?? {}) && this.isReached(pod));
    if (servers.length === 0) return undefined;
    const [service, namespace] = name.split('.');
    const path = `/api/v1/namespaces/${namespace}/services/${service}`;
    return (await ifExists(this.session.connection.get(path))) !== undefined;
  }

  private async answers(address: string, port: number): Promise<boolean> {
    const api = await this.service(API_SERVICE);
    if (address === api.spec?.clusterIP) return api.spec.ports?.some((served) => served.port === port) ?? false;
    const pod = this.session.pods.list().find(({ status, spec }) => status?.podIP === address && !spec?.hostNetwork);
    return pod !== undefined && this.isReached(pod);
  }

  private isReached(pod: V1Pod): boolean {
    return isReady(pod) && !this.isDown(pod.spec?.nodeName);
  }

  private isDown(node = ''): boolean {
    return this.world.faults.has('pod-network-down', node);
  }

  private service({ namespace, name }: { namespace: string; name: string }): Promise<V1Service> {
    return this.session.connection.get<V1Service>(`/api/v1/namespaces/${namespace}/services/${name}`);
  }
}

function connects({ spec }: V1Pod): boolean {
  return spec?.containers.every(({ args }) => args?.[0] === 'connect') ?? false;
}

function fits({ metadata }: V1Pod, selector: Record<string, string>): boolean {
  return Object.entries(selector).every(([key, value]) => metadata?.labels?.[key] === value);
}

/** Of `--timeout=8s`; without it, the kernel gives up. */
function secondsOf(flags: string[]): number {
  const given = flags.map((flag) => /^--timeout=(\d+)s$/.exec(flag)?.[1]).find((seconds) => seconds !== undefined);
  return given === undefined ? KERNEL_TIMEOUT : Number(given);
}

/** Milliseconds until a resolver has given up on every name that it tries. */
function resolving({ spec }: V1Pod): number {
  const option = (name: string): number | undefined => {
    const value = spec?.dnsConfig?.options?.find((one) => one.name === name)?.value;
    return value === undefined ? undefined : Number(value);
  };
  const { timeout, attempts } = RESOLVER;
  return NAMES_TRIED * (option('timeout') ?? timeout) * (option('attempts') ?? attempts) * 1000;
}

/** The kubelet's last report of a pod that is not started again. */
function endedStatus(pod: V1Pod, endings: Map<string, Ending>, finishedAt: Date): object {
  const phase = [...endings.values()].every(({ exitCode }) => exitCode === 0) ? 'Succeeded' : 'Failed';
  const reason = phase === 'Succeeded' ? 'PodCompleted' : 'PodFailed';
  return {
    phase,
    conditions: ['Ready', 'ContainersReady'].map((type) => ({
      type,
      status: 'False',
      reason,
      lastTransitionTime: finishedAt,
    })),
    containerStatuses: (pod.status?.containerStatuses ?? []).map((status) =>
      terminated(status, pod, endings.get(status.name)!, finishedAt),
    ),
  };
}

/** A container that failed tells its last lines where it is asked to. */
function terminated(status: V1ContainerStatus, pod: V1Pod, ending: Ending, finishedAt: Date): V1ContainerStatus {
  const { exitCode, message } = ending;
  const policy = pod.spec?.containers.find(({ name }) => name === status.name)?.terminationMessagePolicy;
  const told = exitCode !== 0 && policy === 'FallbackToLogsOnError' ? { message: `${message}\n` } : {};
  const startedAt = status.state?.running?.startedAt ?? finishedAt;
  const reason = exitCode === 0 ? 'Completed' : 'Error';
  return {
    ...status,
    ready: false,
    started: false,
    state: { terminated: { exitCode, reason, startedAt, finishedAt, ...told } },
  };
}
