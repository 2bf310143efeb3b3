import { randomBytes } from 'node:crypto';
import { KubernetesError } from '../../clients/kubernetes.js';
import type { Event, Pod } from '../../clients/kubernetesObjects.js';
import { messageOf } from '../../runtime/errors.js';
import { until, WaitTimeout, type Watcher } from '../../runtime/waiting.js';
import { fail, pass, skipped, type CheckContext, type CheckResult, type Probe } from '../check.js';
import { NETWORK_PROBE, PROBE_LABEL, probeJob, type ProbeJob, type ProbeSpec } from './manifest.js';
import { outcomeOf, type ProbeOutcome } from './outcome.js';
import { nodeInService, peerOf } from './place.js';

export interface ProbeOptions {
  /** Where it runs; absent: on a worker that is in service. */
  node?: string;
  /** Every write to the cluster goes through here. */
  write: <T>(act: () => Promise<T>) => Promise<T>;
  signal: AbortSignal;
}

type Jobs = `/apis/batch/v1/namespaces/${string}/jobs`;

/** Of the time for one check; the rest is for making the Job and deleting it. */
const SHARE = 0.8;
/** Longest time between two looks beside the watches, in milliseconds. */
const LOOK_EVERY = 5_000;
const EXPECTED = 'cluster DNS, service network and pod network to carry connections';

/**
 * Shows by a Job on one node that its pods reach the cluster. A probe that passed stands until it is forgotten, so that
 * rounds of checks which wait for something else make no further ones.
 */
export class NetworkProbe implements Probe {
  private passed: CheckResult | undefined;
  private running: Promise<CheckResult> | undefined;

  constructor(private readonly options: ProbeOptions) {}

  forget(): void {
    this.passed = undefined;
  }

  /** @throws Fenced when the right to write is gone; what else goes wrong is the check's failure. */
  async look(ctx: CheckContext): Promise<CheckResult> {
    if (this.passed) return this.passed;
    // The one before may still be deleting its Job when its check's time is up.
    this.running ??= this.make(ctx).finally(() => (this.running = undefined));
    const result = await this.running;
    if (result.outcome === 'pass') this.passed = result;
    return result;
  }

  private async make(ctx: CheckContext): Promise<CheckResult> {
    const { settings, session } = ctx;
    const image = settings.probeImage;
    if (image === undefined) return skipped('switched off (rollout.networkProbe)');
    const node = this.options.node ?? (await nodeInService(session.kubernetes));
    if (node === undefined) return fail(EXPECTED, 'no Ready node to probe it on');
    const peer = await peerOf(session.kubernetes, node);
    const seconds = Math.max(1, Math.floor(settings.healthCheckTimeout * SHARE));
    const name = `prox-ops-probe-${randomBytes(5).toString('hex')}`;
    const spec = { name, namespace: settings.leaseNamespace, node, image, seconds, ...(peer && { peer }) };
    return new OneProbe(ctx, this.options, spec).run();
  }
}

/** One Job, from its creation to its deletion. */
class OneProbe {
  private readonly jobs: Jobs;

  constructor(
    private readonly ctx: CheckContext,
    private readonly options: ProbeOptions,
    private readonly spec: ProbeSpec,
  ) {
    this.jobs = `/apis/batch/v1/namespaces/${spec.namespace}/jobs`;
  }

  async run(): Promise<CheckResult> {
    const refused = await this.create();
    if (refused !== undefined) return this.failed(`its Job could not be created: ${refused}`);
    let outcome: ProbeOutcome;
    let left: string[];
    try {
      outcome = await this.ended();
    } finally {
      left = await this.clean();
    }
    return this.result(outcome, left);
  }

  /** @returns why the API refuses it. */
  private async create(): Promise<string | undefined> {
    const { kubernetes } = this.ctx.session;
    try {
      await this.options.write(() => kubernetes.create(this.jobs, probeJob(this.spec)));
      return undefined;
    } catch (error) {
      if (!(error instanceof KubernetesError)) throw error;
      // The name is nobody else's: an answer was lost on its way, and the client asked again.
      return error.status === 409 ? undefined : error.explanation;
    }
  }

  /** Watches its pod, and the events of its Job: only those tell why there is no pod. */
  private async ended(): Promise<ProbeOutcome> {
    const { clock } = this.ctx;
    const { seconds } = this.spec;
    try {
      return await until<ProbeOutcome>({
        clock,
        signal: this.options.signal,
        timeout: seconds * 1000,
        every: LOOK_EVERY,
        watch: [this.watching('pods', this.ofPod()), this.watching('events', this.ofJob())],
        look: async () => {
          const outcome = await this.outcome();
          return outcome.kind === 'running' ? { waiting: outcome.at } : { done: outcome };
        },
      });
    } catch (error) {
      if (!(error instanceof WaitTimeout)) throw error;
      return { kind: 'failed', why: `it had not ended after ${seconds} s: ${error.waiting}` };
    }
  }

  private async outcome(): Promise<ProbeOutcome> {
    const { kubernetes } = this.ctx.session;
    const { namespace, image, peer } = this.spec;
    const [pod] = (await kubernetes.list<Pod>(`/api/v1/namespaces/${namespace}/pods`, this.ofPod())) ?? [];
    const events = pod ? [] : await kubernetes.list<Event>(`/api/v1/namespaces/${namespace}/events`, this.ofJob());
    return outcomeOf(pod, events ?? [], image, peer);
  }

  private watching(what: 'pods' | 'events', query: Record<string, string>): Watcher {
    const path = `/api/v1/namespaces/${this.spec.namespace}/${what}` as const;
    return (onChange, signal) => this.ctx.session.kubernetes.watch(path, query, onChange, signal);
  }

  private ofPod(): Record<string, string> {
    return { labelSelector: `batch.kubernetes.io/job-name=${this.spec.name}` };
  }

  private ofJob(): Record<string, string> {
    return { fieldSelector: `involvedObject.name=${this.spec.name}` };
  }

  /**
   * Deletes the Job, with its pod, and what killed runs left.
   * @returns the Jobs that could not be deleted, each with the reason: the cluster itself removes them later.
   */
  private async clean(): Promise<string[]> {
    try {
      const query = { labelSelector: `${PROBE_LABEL}=${NETWORK_PROBE}` };
      const jobs = (await this.ctx.session.kubernetes.list<ProbeJob>(this.jobs, query)) ?? [];
      const own = jobs.find(({ metadata }) => metadata.name === this.spec.name);
      const due = jobs.filter((job) => job === own || (own && isLeft(job, own)));
      return (await Promise.all(due.map((job) => this.remove(job.metadata.name)))).flat();
    } catch (error) {
      return [`${this.spec.name} (${messageOf(error)})`];
    }
  }

  private async remove(name: string): Promise<string[]> {
    const { kubernetes } = this.ctx.session;
    try {
      // By default the API would leave a deleted Job's pod behind.
      const query = { propagationPolicy: 'Background' };
      await this.options.write(() => kubernetes.delete(`${this.jobs}/${name}`, query));
      return [];
    } catch (error) {
      return [`${name} (${messageOf(error)})`];
    }
  }

  private result(outcome: ProbeOutcome, left: string[]): CheckResult {
    const undeleted = left.length > 0 ? `; not deleted, and gone by itself within minutes: ${left.join(', ')}` : '';
    if (outcome.kind !== 'passed') return this.failed(`${outcome.kind === 'failed' ? outcome.why : ''}${undeleted}`);
    const { node, peer } = this.spec;
    const pods = peer ? `pod network to ${peer.node}` : 'pod network not probed: no CoreDNS pod on another node';
    return pass(`on ${node}: cluster DNS, service network, ${pods}${undeleted}`);
  }

  private failed(why: string): CheckResult {
    return fail(EXPECTED, `probe on ${this.spec.node}: ${why}`);
  }
}

/** Older than its own time limit, by the API server's clock: whoever made it does not look at it any more. */
function isLeft({ metadata, spec }: ProbeJob, own: ProbeJob): boolean {
  const age = Date.parse(own.metadata.creationTimestamp ?? '') - Date.parse(metadata.creationTimestamp ?? '');
  return age > (spec?.activeDeadlineSeconds ?? 0) * 1000;
}
