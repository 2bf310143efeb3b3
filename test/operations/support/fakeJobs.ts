import type { FakeKubernetes } from './fakeKubernetes';
import type { VirtualClock } from './virtualClock';

/* eslint-disable @typescript-eslint/no-explicit-any -- objects of any kind, as on the wire */
type Any = any;

export type Endings = Record<string, { exitCode: number; message?: string }>;

/** The Job controller and a kubelet: a Job's pod appears after a moment, and takes the status that a test wants. */
export class FakeJobs {
  /** What becomes of the pod of the next Jobs; the default: all containers end well. */
  outcome: (job: Any) => object = (job) => ended(job, {});
  /** Every Job that was made. */
  readonly made: Any[] = [];
  /** While set, no pod is made, and an event says why. */
  refused: string | undefined;

  constructor(
    private readonly kubernetes: FakeKubernetes,
    private readonly clock: VirtualClock,
  ) {
    kubernetes.onCreate = (path, object) => {
      if (!path.includes('/jobs/')) return;
      this.made.push(object);
      clock.after(500, () => this.start(object));
    };
  }

  private start(job: Any): void {
    const { name, namespace } = job.metadata;
    if (!this.kubernetes.at(`/apis/batch/v1/namespaces/${namespace}/jobs/${name}`)) return;
    if (this.refused !== undefined) return this.tell(job, this.refused);
    const labels = { ...job.spec.template.metadata.labels, 'batch.kubernetes.io/job-name': name };
    const ownerReferences = [{ kind: 'Job', name, controller: true }];
    this.kubernetes.put(`/api/v1/namespaces/${namespace}/pods/${name}-x`, {
      metadata: {
        namespace,
        labels,
        ownerReferences,
        creationTimestamp: new Date(this.clock.now()).toISOString(),
      },
      spec: job.spec.template.spec,
      status: this.outcome(job),
    });
  }

  private tell(job: Any, message: string): void {
    const { name, namespace } = job.metadata;
    this.kubernetes.put(`/api/v1/namespaces/${namespace}/events/${name}.1`, {
      metadata: { namespace },
      involvedObject: { kind: 'Job', name },
      reason: 'FailedCreate',
      message,
    });
  }
}

/** A pod's status when all its containers have ended; those that are not named ended well. */
export function ended(job: Any, endings: Endings): object {
  const statuses = job.spec.template.spec.containers.map(({ name }: { name: string }) => ({
    name,
    state: { terminated: { exitCode: 0, ...endings[name] } },
  }));
  const failed = Object.values(endings).some(({ exitCode }) => exitCode !== 0);
  return { phase: failed ? 'Failed' : 'Succeeded', containerStatuses: statuses };
}
