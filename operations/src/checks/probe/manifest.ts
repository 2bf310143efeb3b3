import type { KubeObject, Metadata } from '../../clients/kubernetesObjects.js';
import type { Peer } from './place.js';

/** Label of a probe's Job and pod: by it leftovers are found, and nobody takes its pod for a workload. */
export const PROBE_LABEL = 'prox-ops.io/probe';
export const NETWORK_PROBE = 'network';

/** The containers of the probe's pod, one for each thing that is shown; they run side by side. */
export type ProbePart = 'cluster-dns' | 'service-network' | 'pod-network';

/** Resolved by the search path of the pod, and so whatever the cluster's domain is. */
export const API_NAME = 'kubernetes.default.svc';
/** The kubelet puts the service's address into every pod. In brackets, as an IPv6 address needs them. */
const API_ADDRESS = '[$(KUBERNETES_SERVICE_HOST)]:$(KUBERNETES_SERVICE_PORT)';

/** Nobody, as images without users of their own have it. */
const USER = 65534;
/** Seconds that a probe which a killed run left lies about at most, once it has ended. */
const KEPT = 60;
/** Seconds beyond its own limit after which the cluster ends a probe whose run does not do so any more. */
const GRACE = 5;

export interface ProbeSpec {
  name: string;
  namespace: string;
  node: string;
  /** agnhost, or what takes the same arguments. */
  image: string;
  /** Whole seconds within which whoever made it expects it to have ended. */
  seconds: number;
  /** Absent: no pod is there to connect to. */
  peer?: Peer;
}

export interface ProbeJob extends KubeObject {
  spec?: { activeDeadlineSeconds?: number };
}

/** Whether a Job or pod is one of ours, of whatever run. */
export function isProbe({ metadata }: { metadata: Metadata }): boolean {
  return metadata.labels?.[PROBE_LABEL] !== undefined;
}

/** A Job whose one pod runs on the node, cordoned or tainted as it may be, with no right at all. */
export function probeJob(spec: ProbeSpec): object {
  const { name, namespace, node, seconds } = spec;
  const labels = { [PROBE_LABEL]: NETWORK_PROBE, 'app.kubernetes.io/managed-by': 'prox-ops' };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, namespace, labels },
    spec: {
      backoffLimit: 0,
      activeDeadlineSeconds: seconds + GRACE,
      ttlSecondsAfterFinished: KEPT,
      template: { metadata: { labels }, spec: podOf(spec, node) },
    },
  };
}

function podOf(spec: ProbeSpec, nodeName: string): object {
  return {
    nodeName,
    // A taint with NoExecute would have it thrown out again; the others are the scheduler's, which is not asked.
    tolerations: [{ operator: 'Exists' }],
    restartPolicy: 'Never',
    terminationGracePeriodSeconds: 1,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    // A resolver tries four names. Its own patience, 5 s for each of two tries of each name, would outlast the probe.
    dnsConfig: {
      options: [
        { name: 'timeout', value: '1' },
        { name: 'attempts', value: '2' },
      ],
    },
    securityContext: {
      runAsNonRoot: true,
      runAsUser: USER,
      runAsGroup: USER,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    containers: targetsOf(spec).map(([part, target]) => container(part, target, spec)),
  };
}

function targetsOf({ peer }: ProbeSpec): [part: ProbePart, target: string][] {
  return [
    ['cluster-dns', `${API_NAME}:443`],
    ['service-network', API_ADDRESS],
    ...(peer ? [['pod-network', `[${peer.address}]:${peer.port}`] as [ProbePart, string]] : []),
  ];
}

function container(name: ProbePart, target: string, { image, seconds }: ProbeSpec): object {
  return {
    name,
    image,
    args: ['connect', target, `--timeout=${Math.max(1, Math.floor(seconds / 3))}s`],
    // What it says of its failure is then part of the pod's status: no right to read logs is needed.
    terminationMessagePolicy: 'FallbackToLogsOnError',
    resources: { requests: { cpu: '10m', memory: '16Mi' }, limits: { cpu: '100m', memory: '64Mi' } },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
  };
}
