import { fullName, holds, type Conditioned } from '../clients/kubernetesObjects.js';
import { skipped, verdict, type Check } from './check.js';

const KINDS = [
  { kind: 'Kustomization', path: '/apis/kustomize.toolkit.fluxcd.io/v1/kustomizations' },
  { kind: 'HelmRelease', path: '/apis/helm.toolkit.fluxcd.io/v2/helmreleases' },
] as const;

export const fluxCheck: Check = {
  id: 'flux',
  describe: 'every Flux Kustomization and HelmRelease is Ready',
  run: async ({ session }) => {
    const lists = await Promise.all(
      KINDS.map(async ({ kind, path }) => ({ kind, objects: await session.kubernetes.list<Conditioned>(path) })),
    );
    const served = lists.flatMap(({ kind, objects }) => (objects ? objects.map((object) => ({ kind, object })) : []));
    if (served.length === 0) return skipped('no Flux objects');
    // A suspended one is not reconciled, at somebody's wish.
    const problems = served
      .filter(({ object }) => object.spec?.suspend !== true && !holds(object, 'Ready'))
      .map(({ kind, object }) => `${kind} ${fullName(object)}: ${reason(object)}`);
    return verdict(problems, 'all Flux objects Ready', `${served.length} Flux objects`);
  },
};

function reason({ status }: Conditioned): string {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  return ready?.message ?? ready?.reason ?? 'no Ready condition';
}
