import { pinnedImage } from '../../tools/pins.js';
import { STORAGE_NAMESPACE } from '../names.js';
import type { Shape } from './cluster-shape.js';
import { daemonSet, deployment, EVERYWHERE, namespace, type Manifest } from './manifest.js';
import { storageObjects } from './volumes.js';

/** Piraeus: LINSTOR's controller, its satellites, and the CSI driver's two halves. */
export function storageWorkloads(shape: Shape): Manifest[] {
  return [
    namespace(STORAGE_NAMESPACE),
    ...storageObjects(shape),
    deployment({
      name: 'linstor-controller',
      namespace: STORAGE_NAMESPACE,
      image: pinnedImage('piraeus-server'),
      labels: { 'app.kubernetes.io/component': 'linstor-controller' },
    }),
    deployment({
      name: 'linstor-csi-controller',
      namespace: STORAGE_NAMESPACE,
      image: pinnedImage('piraeus-csi'),
      labels: { 'app.kubernetes.io/component': 'linstor-csi-controller' },
    }),
    daemonSet({
      name: 'linstor-csi-node',
      namespace: STORAGE_NAMESPACE,
      image: pinnedImage('piraeus-csi'),
      labels: { 'app.kubernetes.io/component': 'linstor-csi-node' },
      pod: { hostNetwork: true, priorityClassName: 'system-node-critical', tolerations: EVERYWHERE },
    }),
    daemonSet({
      name: 'linstor-satellite',
      namespace: STORAGE_NAMESPACE,
      image: pinnedImage('piraeus-server'),
      labels: { 'app.kubernetes.io/component': 'linstor-satellite' },
      pod: { hostNetwork: true, priorityClassName: 'system-node-critical' },
    }),
  ];
}
