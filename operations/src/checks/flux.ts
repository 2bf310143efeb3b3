import { fullName, holds, type Conditioned } from '../clients/kubernetesObjects.js';
import type { Kubernetes } from '../clients/kubernetes.js';
import { skipped, verdict, type Check } from './check.js';

const KINDS = [
  { kind: 'Kustomization', path: '/apis/kustomize.toolkit.fluxcd.io/v1/kustomizations' },
  { kind: 'HelmRelease', path: '/apis/helm.toolkit.fluxcd.io/v2/helmreleases' },
] as const;

/** A Kustomization or HelmRelease as Flux tells of it. */
export interface FluxObject {
  kind: string;
  /** namespace/name */
  name: string;
  ready: boolean;
  /** Not reconciled, at somebody's wish. */
  suspended: boolean;
  /** Of its condition Ready. */
  message: string;
}

export async function fluxObjects(kubernetes: Kubernetes): Promise<FluxObject[]> {
  const lists = await Promise.all(
    KINDS.map(async ({ kind, path }) => ({ kind, objects: await kubernetes.list<Conditioned>(path) })),
  );
  return lists.flatMap(({ kind, objects = [] }) =>
    objects.map((object) => ({
      kind,
      name: fullName(object),
      ready: holds(object, 'Ready'),
      suspended: object.spec?.suspend === true,
      message: reason(object),
    })),
  );
}

export const fluxCheck: Check = {
  id: 'flux',
  describe: 'every Flux Kustomization and HelmRelease is Ready',
  how: 'Kubernetes: condition Ready of every Kustomization and HelmRelease',
  excusable: true,
  run: async ({ session }) => {
    const served = await fluxObjects(session.kubernetes);
    if (served.length === 0) return skipped('no Flux objects');
    const problems = served
      .filter(({ ready, suspended }) => !ready && !suspended)
      .map(({ kind, name, message }) => ({ key: `${kind} ${name}`, text: `${kind} ${name}: ${message}` }));
    return verdict(problems, 'all Flux objects Ready', `${served.length} Flux objects`);
  },
};

function reason({ status }: Conditioned): string {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  return ready?.message ?? ready?.reason ?? 'no Ready condition';
}
