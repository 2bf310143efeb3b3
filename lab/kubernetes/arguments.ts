import type { ClusterPki } from '../world/world.js';
import { FRONT_PROXY, type PkiFiles } from './pki.js';
import type { Timing } from './timing.js';

/** Everything the command lines of the control plane are made from. */
export interface ControlPlaneSettings {
  pki: ClusterPki;
  files: PkiFiles;
  timing: Timing;
  /** Loopback address that everything listens on. */
  address: string;
  ports: { etcd: number; etcdPeer: number; apiServer: number; kubelets: number };
  etcdData: string;
  /** The scheduler's configuration file and kwok's. */
  schedulerConfig: string;
  kubeletsConfig: string;
  audit?: { policy: string; log: string };
}

/** Requests a client may send in a second: the rollout is a burst, and waiting in a client's queue is dead time. */
const CLIENT_RATE = ['--kube-api-qps=200', '--kube-api-burst=400'];

/** One member whose data nobody wants back, so it need not reach the disk. */
export function etcdArguments({ address, ports, etcdData }: ControlPlaneSettings): string[] {
  const client = `http://${address}:${ports.etcd}`;
  const peer = `http://${address}:${ports.etcdPeer}`;
  return [
    '--name=lab',
    `--data-dir=${etcdData}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=lab=${peer}`,
    '--unsafe-no-fsync',
    '--snapshot-count=100000',
    '--log-level=warn',
  ];
}

/** As Talos starts it (RBAC and Node authorization, no anonymous requests), less what has no counterpart here. */
export function apiServerArguments({ pki, files, timing, address, ports, audit }: ControlPlaneSettings): string[] {
  return [
    `--etcd-servers=http://${address}:${ports.etcd}`,
    `--bind-address=${address}`,
    `--advertise-address=${address}`,
    `--secure-port=${ports.apiServer}`,
    `--tls-cert-file=${files.serving.crt}`,
    `--tls-private-key-file=${files.serving.key}`,
    `--client-ca-file=${files.ca}`,
    '--anonymous-auth=false',
    '--authorization-mode=Node,RBAC',
    '--enable-admission-plugins=NodeRestriction',
    '--allow-privileged=true',
    `--service-account-issuer=${pki.endpoint}`,
    `--service-account-key-file=${files.serviceAccountKey}`,
    `--service-account-signing-key-file=${files.serviceAccountKey}`,
    `--service-cluster-ip-range=${pki.serviceSubnets.join(',')}`,
    `--requestheader-client-ca-file=${files.aggregatorCa}`,
    `--requestheader-allowed-names=${FRONT_PROXY}`,
    '--requestheader-extra-headers-prefix=X-Remote-Extra-',
    '--requestheader-group-headers=X-Remote-Group',
    '--requestheader-username-headers=X-Remote-User',
    `--proxy-client-cert-file=${files.frontProxy.crt}`,
    `--proxy-client-key-file=${files.frontProxy.key}`,
    `--default-not-ready-toleration-seconds=${timing.toleration}`,
    `--default-unreachable-toleration-seconds=${timing.toleration}`,
    '--kubelet-preferred-address-types=InternalIP',
    // There is no Service network here, and an endpoint on loopback would be refused.
    '--endpoint-reconciler-type=none',
    '--profiling=false',
    ...(audit ? [`--audit-policy-file=${audit.policy}`, `--audit-log-path=${audit.log}`] : []),
  ];
}

/** Controllers of things that the lab has none of; each would keep caches and wake up now and then. */
const UNUSED_CONTROLLERS = [
  'bootstrap-signer-controller',
  'certificatesigningrequest-approving-controller',
  'certificatesigningrequest-cleaner-controller',
  'certificatesigningrequest-signing-controller',
  'device-taint-eviction-controller',
  'horizontal-pod-autoscaler-controller',
  'legacy-serviceaccount-token-cleaner-controller',
  'podcertificaterequest-cleaner-controller',
  'resourceclaim-controller',
  'storage-version-migrator-controller',
  'token-cleaner-controller',
  'validatingadmissionpolicy-status-controller',
];

/** With credentials of its own for each controller, as real clusters have it: the RBAC rules are made for that. */
export function controllerManagerArguments({ pki, files, timing }: ControlPlaneSettings): string[] {
  return [
    `--kubeconfig=${files.kubeconfigs.controllerManager}`,
    '--secure-port=0',
    '--use-service-account-credentials=true',
    `--root-ca-file=${files.ca}`,
    `--service-account-private-key-file=${files.serviceAccountKey}`,
    '--allocate-node-cidrs=true',
    `--cluster-cidr=${pki.podSubnets.join(',')}`,
    `--service-cluster-ip-range=${pki.serviceSubnets.join(',')}`,
    `--node-monitor-period=${timing.monitorPeriod}ms`,
    `--node-monitor-grace-period=${timing.grace}ms`,
    `--controllers=*,${UNUSED_CONTROLLERS.map((name) => `-${name}`).join(',')}`,
    '--leader-elect=false',
    '--profiling=false',
    '--concurrent-gc-syncs=4',
    ...CLIENT_RATE,
  ];
}

export function schedulerArguments({ schedulerConfig }: ControlPlaneSettings): string[] {
  return [`--config=${schedulerConfig}`, '--secure-port=0'];
}

/** The scheduler's configuration file. A pod that does not fit is tried again after at most two seconds, not ten. */
export function schedulerConfiguration(files: PkiFiles): object {
  return {
    apiVersion: 'kubescheduler.config.k8s.io/v1',
    kind: 'KubeSchedulerConfiguration',
    clientConnection: { kubeconfig: files.kubeconfigs.scheduler, qps: 200, burst: 400 },
    leaderElection: { leaderElect: false },
    enableProfiling: false,
    parallelism: 2,
    podInitialBackoffSeconds: 1,
    podMaxBackoffSeconds: 2,
  };
}

export function kubeletsArguments({ files, kubeletsConfig }: ControlPlaneSettings): string[] {
  return [`--kubeconfig=${files.kubeconfigs.kubelets}`, `--config=${kubeletsConfig}`];
}
