import type { Claim, PodVolume, SchedulableNode, SchedulablePod, StorageClass, Volume } from '../objects.js';
import { namespaceOf, type Scene } from './scene.js';
import { matchesTerms } from './selectors.js';

const ZONES = [
  'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region',
];

/** VolumeBinding, VolumeZone, VolumeRestrictions and NodeVolumeLimits, as far as bound claims decide. */
export function volumesElsewhere(pod: SchedulablePod, node: SchedulableNode, scene: Scene): string | undefined {
  for (const volume of pod.spec?.volumes ?? []) {
    const why = unusable(pod, volume, node, scene);
    if (why !== undefined) return why;
  }
  return tooManyVolumes(pod, node, scene);
}

function unusable(pod: SchedulablePod, volume: PodVolume, node: SchedulableNode, scene: Scene): string | undefined {
  if (volume.ephemeral)
    return unreachableClass(volume.ephemeral.volumeClaimTemplate?.spec?.storageClassName, node, scene);
  const name = volume.persistentVolumeClaim?.claimName;
  if (name === undefined) return undefined;
  const claim = scene.claim(namespaceOf(pod), name);
  if (!claim) return `claim ${name} does not exist`;
  if (claim.metadata.deletionTimestamp !== undefined) return `claim ${name} is being deleted`;
  if (claim.spec?.accessModes?.includes('ReadWriteOncePod') && usedByAnother(pod, name, scene))
    return `claim ${name} is for one pod alone, and another one uses it`;
  return claim.spec?.volumeName ? boundElsewhere(claim, node, scene) : unbound(claim, node, scene);
}

function usedByAnother(pod: SchedulablePod, claim: string, scene: Scene): boolean {
  return scene.pods.some((other) => namespaceOf(other) === namespaceOf(pod) && claimsOf(other).includes(claim));
}

function claimsOf({ spec }: SchedulablePod): string[] {
  return (spec?.volumes ?? []).flatMap((volume) => volume.persistentVolumeClaim?.claimName ?? []);
}

function boundElsewhere({ spec, metadata }: Claim, node: SchedulableNode, scene: Scene): string | undefined {
  const volume = scene.volume(spec?.volumeName ?? '');
  if (!volume) return `volume ${spec?.volumeName} of claim ${metadata.name} does not exist`;
  const required = volume.spec?.nodeAffinity?.required;
  if (required && !matchesTerms(required.nodeSelectorTerms, node))
    return `volume of claim ${metadata.name} is elsewhere`;
  return zoneDiffers(volume, node) ? `volume of claim ${metadata.name} is in another zone` : undefined;
}

/** A node without any zone label takes volumes of every zone. */
function zoneDiffers({ metadata }: Volume, node: SchedulableNode): boolean {
  const { labels = {} } = node.metadata;
  if (!ZONES.some((key) => key in labels)) return false;
  return ZONES.some((key) => {
    const wanted = metadata.labels?.[key];
    // A volume of the old label fits a node of the new one.
    const found = labels[key] ?? labels[key.replace('failure-domain.beta', 'topology')];
    return wanted !== undefined && !wanted.split('__').includes(found ?? '');
  });
}

function unbound({ spec, metadata }: Claim, node: SchedulableNode, scene: Scene): string | undefined {
  const found = scene.storageClass(spec?.storageClassName);
  if (found?.volumeBindingMode !== 'WaitForFirstConsumer') return `claim ${metadata.name} is not bound`;
  return notAllowed(found, node);
}

function unreachableClass(name: string | undefined, node: SchedulableNode, scene: Scene): string | undefined {
  const found = scene.storageClass(name);
  return found && notAllowed(found, node);
}

function notAllowed({ allowedTopologies = [], metadata }: StorageClass, node: SchedulableNode): string | undefined {
  const { labels = {} } = node.metadata;
  const allowed =
    allowedTopologies.length === 0 ||
    allowedTopologies.some(({ matchLabelExpressions = [] }) =>
      matchLabelExpressions.every(({ key, values }) => values.includes(labels[key] ?? '')),
    );
  return allowed ? undefined : `storage class ${metadata.name} does not serve it`;
}

function tooManyVolumes(pod: SchedulablePod, node: SchedulableNode, scene: Scene): string | undefined {
  const drivers = scene.csiNode(node.metadata.name)?.spec?.drivers ?? [];
  const limited = drivers.filter(({ allocatable }) => allocatable?.count !== undefined);
  if (limited.length === 0) return undefined;
  const wanted = handlesOf([pod], scene);
  const present = handlesOf(scene.podsOn(node.metadata.name), scene);
  const over = limited.find(({ name, allocatable }) => {
    const added = [...wanted].filter(([handle, driver]) => driver === name && !present.has(handle)).length;
    const held = [...present.values()].filter((driver) => driver === name).length;
    return added > 0 && held + added > (allocatable?.count ?? Infinity);
  });
  return over && `no more volumes of ${over.name} can be attached`;
}

/** CSI drivers by volume handle. */
function handlesOf(pods: SchedulablePod[], scene: Scene): Map<string, string> {
  const found = new Map<string, string>();
  for (const pod of pods) {
    for (const name of claimsOf(pod)) {
      const csi = scene.volume(scene.claim(namespaceOf(pod), name)?.spec?.volumeName ?? '')?.spec?.csi;
      if (csi) found.set(`${csi.driver}/${csi.volumeHandle}`, csi.driver);
    }
  }
  return found;
}
