import { EtcdCluster } from '../../lab/talos/etcd/cluster';
import { takeSnapshot } from '../../lab/talos/etcd/snapshot';
import { EventLog } from '../../lab/world/events';
import type { KeyValue } from '../../lab/world/world';

interface Content {
  /** PEM; none: the cluster's pods are not told. */
  authority?: string;
  /** Nodes with their kubelets. */
  kubelets: Record<string, string>;
}

/** A whole snapshot of some cluster, with what tells whose it is and what wrote it. */
export function snapshotOf({ authority, kubelets }: Content): Buffer {
  const cluster = new EtcdCluster(new EventLog(() => 0), { now: () => 0, delay: () => Promise.resolve() });
  cluster.bootstrap({ name: 'other-1', address: '10.0.0.1' });
  const contents: KeyValue[] = Object.entries(kubelets).map(([name, kubelet]) =>
    entry(`/registry/minions/${name}`, node(kubelet)),
  );
  if (authority !== undefined)
    contents.push(entry('/registry/configmaps/kube-system/kube-root-ca.crt', `k8s\0 ${authority}`));
  return takeSnapshot(cluster, contents);
}

function entry(key: string, value: string | Buffer): KeyValue {
  return { key: Buffer.from(key), value: Buffer.from(value) };
}

/** NodeSystemInfo as protobuf has it, its field 7. */
function node(kubelet: string): Buffer {
  return Buffer.concat([Buffer.from([(7 << 3) | 2, kubelet.length]), Buffer.from(kubelet)]);
}
