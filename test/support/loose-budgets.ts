import { KubeConfig, PolicyV1Api } from '@kubernetes/client-node';
import type { EngineLab } from './engine-lab';

/** Workloads of the lab that stand the loss of several pods, once somebody says so. */
const BEARS_TWO: [namespace: string, name: string, selector: Record<string, string>][] = [
  ['shop', 'web', { 'app.kubernetes.io/name': 'web' }],
  ['shop', 'api', { 'app.kubernetes.io/name': 'api' }],
  ['shop', 'thumbnails', { 'app.kubernetes.io/name': 'thumbnails' }],
  ['data', 'db', { 'app.kubernetes.io/name': 'db' }],
  ['kube-system', 'cilium-operator', { 'app.kubernetes.io/name': 'cilium-operator' }],
];

/** As an operator does who wants several nodes out at once: budgets that allow it. `cache` and `coredns` keep tight ones. */
export async function loosenBudgets({ lab }: EngineLab): Promise<void> {
  const config = new KubeConfig();
  config.loadFromString(await lab.parts.kubernetes.adminKubeconfig());
  const api = config.makeApiClient(PolicyV1Api);
  for (const [namespace, name, matchLabels] of BEARS_TWO) {
    await api.deleteNamespacedPodDisruptionBudget({ namespace, name }).catch(() => undefined);
    const body = { metadata: { name }, spec: { maxUnavailable: 2, selector: { matchLabels } } };
    await api.createNamespacedPodDisruptionBudget({ namespace, body });
  }
}
