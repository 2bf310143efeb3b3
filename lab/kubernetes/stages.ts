import type { Durations } from '../world/durations.js';
import { HELD_POD, KUBELET_LABEL, KUBELET_UP, MOUNTED_POD, NEVER_READY, STORAGE_NAMESPACE } from './names.js';
import type { Timing } from './timing.js';

interface Requirement {
  /** A jq query on the object. */
  key: string;
  operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  values?: string[];
}

export interface KubeletSettings {
  durations: Durations;
  timing: Timing;
  /** Where the kubelets' API is served: HOST:PORT. */
  serverAddress: string;
  tls: { crt: string; key: string };
  /** Where LINSTOR's controller listens, which a forwarded port of its pod leads to. */
  linstor: { address: string; port: number };
}

/**
 * kwok's configuration file: the behaviour of all kubelets as data. Heartbeats go into the Node's status and not into a
 * Lease: with Leases kwok looks only once at the pods that a node already has, and drops those that it sees before its
 * own Lease has come back to it.
 */
export function kubeletsConfiguration(settings: KubeletSettings): object[] {
  const { durations, timing, serverAddress, tls, linstor } = settings;
  return [
    {
      apiVersion: 'config.kwok.x-k8s.io/v1alpha1',
      kind: 'KwokConfiguration',
      options: {
        manageNodesWithLabelSelector: `${KUBELET_LABEL}=${KUBELET_UP}`,
        manageAllNodes: false,
        nodeLeaseDurationSeconds: 0,
        nodePort: 0,
        serverAddress,
        tlsCertFile: tls.crt,
        tlsPrivateKeyFile: tls.key,
        enableDebuggingHandlers: true,
        enableProfilingHandler: false,
        enableContentionProfiling: false,
        nodePlayStageParallelism: 4,
        podPlayStageParallelism: 4,
        podsOnNodeSyncParallelism: 4,
        nodeLeaseParallelism: 1,
        cidr: '10.244.0.0/16',
      },
    },
    nodeTurnsReady(),
    nodeHeartbeat(timing),
    nodeStaysNotReady(timing),
    podStarts(durations),
    podCompletes(durations),
    podStops(durations),
    linstorForward(linstor),
  ];
}

/** Any pod of the namespace: kwok can't select by label, and only the controller's pod has anything on that port. */
function linstorForward(linstor: { address: string; port: number }): object {
  return {
    apiVersion: 'kwok.x-k8s.io/v1alpha1',
    kind: 'ClusterPortForward',
    metadata: { name: 'linstor-controller' },
    spec: {
      selector: { matchNamespaces: [STORAGE_NAMESPACE] },
      forwards: [{ ports: [linstor.port], target: linstor }],
    },
  };
}

const NODE_READY = '.status.conditions.[] | select( .type == "Ready" ) | .status';
const NEVER: Requirement = { key: `.metadata.annotations["${NEVER_READY}"]`, operator: 'Exists' };
const NOT_NEVER: Requirement = { ...NEVER, operator: 'DoesNotExist' };

const HEALTHY: [type: string, reason: string, message: string][] = [
  ['MemoryPressure', 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'],
  ['DiskPressure', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'],
  ['PIDPressure', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'],
];

/** Also after the controller manager has declared the node gone: the next status report of the kubelet says Ready. */
function nodeTurnsReady(): object {
  const pressures = HEALTHY.map(
    ([type, reason, message]) => `
- {type: ${type}, status: "False", reason: ${reason}, message: ${message}, lastHeartbeatTime: {{ $now | Quote }}, lastTransitionTime: {{ $now | Quote }}}`,
  ).join('');
  return stage('node-turns-ready', 'Node', [{ key: NODE_READY, operator: 'NotIn', values: ['True'] }, NOT_NEVER], 0, {
    statusTemplate: `{{ $now := Now }}
conditions:${pressures}
- {type: Ready, status: "True", reason: KubeletReady, message: kubelet is posting ready status, lastHeartbeatTime: {{ $now | Quote }}, lastTransitionTime: {{ $now | Quote }}}
`,
  });
}

/** Conditions are merged by type, so what is not named stays. */
function nodeHeartbeat(timing: Timing): object {
  const conditions = [{ key: NODE_READY, operator: 'In' as const, values: ['True'] }, NOT_NEVER];
  return stage('node-heartbeat', 'Node', conditions, timing.heartbeat, {
    statusTemplate: `conditions:
- {type: Ready, lastHeartbeatTime: {{ Now | Quote }}}
`,
  });
}

function nodeStaysNotReady(timing: Timing): object {
  return stage('node-stays-not-ready', 'Node', [NEVER], timing.heartbeat, {
    statusTemplate: `conditions:
- {type: Ready, status: "False", reason: KubeletNotReady, message: "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady", lastHeartbeatTime: {{ Now | Quote }}}
`,
  });
}

const ALIVE: Requirement = { key: '.metadata.deletionTimestamp', operator: 'DoesNotExist' };
const POD_READY = '.status.conditions.[] | select( .type == "Ready" ) | .status';

/** A pod with claims waits for its volumes, as a kubelet waits for attach and mount. */
const VOLUMES_THERE: Requirement = {
  key: `if ([.spec.volumes[]? | select(.persistentVolumeClaim)] | length) == 0 then "there" elif .metadata.annotations["${MOUNTED_POD}"] then "there" else "waiting" end`,
  operator: 'In',
  values: ['there'],
};

/**
 * Containers start, or start again: what their last run left (restart count, last state) is kept, and a container that
 * runs goes on. That last case is a pod which the controller manager marked as not ready while its node was silent.
 */
function podStarts(durations: Durations): object {
  const requirements: Requirement[] = [
    ALIVE,
    { key: '.status.phase', operator: 'In', values: ['Pending', 'Running'] },
    { key: POD_READY, operator: 'NotIn', values: ['True'] },
    VOLUMES_THERE,
  ];
  return stage('pod-starts', 'Pod', requirements, durations.podStart, {
    statusTemplate: `{{ $now := Now }}
{{ $root := . }}
phase: Running
startTime: {{ or .status.startTime $now | Quote }}
conditions:
{{ range list "PodReadyToStartContainers" "Initialized" "Ready" "ContainersReady" }}
- {type: {{ . }}, status: "True", reason: "", message: "", lastTransitionTime: {{ $now | Quote }}}
{{ end }}
{{ range .spec.readinessGates }}
- {type: {{ .conditionType | Quote }}, status: "True", lastTransitionTime: {{ $now | Quote }}}
{{ end }}
containerStatuses:
{{ range $index, $container := .spec.containers }}
{{ $old := dict }}
{{ range $root.status.containerStatuses }}{{ if eq .name $container.name }}{{ $old = . }}{{ end }}{{ end }}
- name: {{ $container.name | Quote }}
  image: {{ $container.image | Quote }}
  imageID: {{ printf "%s@sha256:%s" $container.image (sha256sum $container.image) | Quote }}
  containerID: {{ printf "containerd://%s" (sha256sum (printf "%s/%s/%v" $root.metadata.uid $container.name (or $old.restartCount 0))) | Quote }}
  ready: true
  started: true
  restartCount: {{ or $old.restartCount 0 }}
  {{ if $old.lastState }}
  lastState: {{ toJson $old.lastState }}
  {{ end }}
  state:
  {{ if and $old.state $old.state.running }}
    running: {{ toJson $old.state.running }}
  {{ else }}
    running: {startedAt: {{ $now | Quote }}}
  {{ end }}
{{ end }}
{{ if .spec.initContainers }}
initContainerStatuses:
{{ range .spec.initContainers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  imageID: {{ printf "%s@sha256:%s" .image (sha256sum .image) | Quote }}
  ready: true
  restartCount: 0
  state:
    terminated: {exitCode: 0, reason: Completed, startedAt: {{ $now | Quote }}, finishedAt: {{ $now | Quote }}}
{{ end }}
{{ end }}
{{ with NodeIPsWith .spec.nodeName }}
hostIP: {{ index . 0 | Quote }}
hostIPs: [{ip: {{ index . 0 | Quote }}}]
{{ end }}
{{ if .status.podIP }}
podIP: {{ .status.podIP | Quote }}
podIPs: [{ip: {{ .status.podIP | Quote }}}]
{{ else }}
{{ with PodIPsWith .spec.nodeName (or .spec.hostNetwork false) (or .metadata.uid "") (or .metadata.name "") (or .metadata.namespace "") }}
podIP: {{ index . 0 | Quote }}
podIPs: [{ip: {{ index . 0 | Quote }}}]
{{ end }}
{{ end }}
`,
  });
}

/** Whether a pod's containers connect to something: ConnectingPods ends them, as it turns out. */
const NO_CONNECTION: Requirement = {
  key: 'if ([.spec.containers[] | select(.args[0]? == "connect")] | length) == 0 then "works" else "connects" end',
  operator: 'In',
  values: ['works'],
};

/** A Job's container does its work in the time that another one takes to start. */
function podCompletes(durations: Durations): object {
  const requirements: Requirement[] = [
    ALIVE,
    { key: '.status.phase', operator: 'In', values: ['Running'] },
    { key: '.metadata.ownerReferences.[].kind', operator: 'In', values: ['Job'] },
    NO_CONNECTION,
  ];
  return stage('pod-completes', 'Pod', requirements, durations.podStart, {
    statusTemplate: `{{ $now := Now }}
phase: Succeeded
conditions:
- {type: Ready, status: "False", reason: PodCompleted, lastTransitionTime: {{ $now | Quote }}}
- {type: ContainersReady, status: "False", reason: PodCompleted, lastTransitionTime: {{ $now | Quote }}}
containerStatuses:
{{ range .status.containerStatuses }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  imageID: {{ .imageID | Quote }}
  ready: false
  started: false
  restartCount: {{ .restartCount }}
  state:
    terminated: {exitCode: 0, reason: Completed, startedAt: {{ $now | Quote }}, finishedAt: {{ $now | Quote }}}
{{ end }}
`,
  });
}

/** The kubelet's last word on a pod: its containers have stopped, the object may go. */
function podStops(durations: Durations): object {
  const requirements: Requirement[] = [
    { ...ALIVE, operator: 'Exists' },
    { key: `.metadata.annotations["${HELD_POD}"]`, operator: 'DoesNotExist' },
  ];
  return stage('pod-stops', 'Pod', requirements, durations.podStop, { delete: true });
}

function stage(name: string, kind: string, requirements: Requirement[], delay: number, next: object): object {
  return {
    apiVersion: 'kwok.x-k8s.io/v1alpha1',
    kind: 'Stage',
    metadata: { name },
    spec: {
      resourceRef: { apiGroup: 'v1', kind },
      selector: { matchExpressions: requirements },
      delay: { durationMilliseconds: delay },
      next,
    },
  };
}
