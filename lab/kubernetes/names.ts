/**
 * Marks that only the lab sets, by which the kubelets' stand-in (kwok) is steered. A real cluster has none of them, and
 * nothing outside lab/ may look at them.
 */

/**
 * Label on a Node while its kubelet runs. It is a label and not an annotation, because kwok asks the API server for
 * labelled nodes only: taking the label away is a deletion to kwok, and it lets go of the node and of its pods. A node
 * that kwok picked by annotation is never let go of again.
 */
export const KUBELET_LABEL = 'lab.prox-ops.io/kubelet';
export const KUBELET_UP = 'up';

/** Annotation on a Node whose kubelet never reports Ready. */
export const NEVER_READY = 'lab.prox-ops.io/never-ready';

/** Annotation on a pod whose containers can't be stopped. */
export const HELD_POD = 'lab.prox-ops.io/never-terminates';

/** Annotation on a pod whose volumes are attached and mounted: one with volumes starts only then. */
export const MOUNTED_POD = 'lab.prox-ops.io/volumes-mounted';

/** The port of a kubelet's own API, on its node's address. */
export const KUBELET_PORT = 10250;

/** Where Piraeus runs LINSTOR. */
export const STORAGE_NAMESPACE = 'piraeus-datastore';

/** The CSI driver of LINSTOR, which is also the attacher and the provisioner. */
export const CSI_DRIVER = 'linstor.csi.linbit.com';

/** Extended resource of NVIDIA's device plugin, and the label of the plugin's pods. */
export const GPU_RESOURCE = 'nvidia.com/gpu';
export const DEVICE_PLUGIN = { label: 'app.kubernetes.io/name', value: 'nvidia-device-plugin' } as const;

/** What the web workload is called outside, and who answers there. */
export const INGRESS = {
  host: 'web.example.net',
  controller: { namespace: 'ingress-nginx', name: 'ingress-nginx-controller' },
} as const;

/** The workload that the fault pdb-never-allows is about. */
export const WEB = { namespace: 'shop', name: 'web' } as const;
