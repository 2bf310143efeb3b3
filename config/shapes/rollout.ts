import { z } from 'zod';
import { pinnedImage } from '../pins';
import { flag, form, oneOf, seconds, text, url, whole } from './scalars';

export const linstor = z
  .strictObject({
    url: url('https', 'http')
      .optional()
      .describe('Controller API. Absent: found in the cluster by namespace and selector.'),
    guardEnabled: flag.default(true).describe('No node goes while LINSTOR has a faulty resource.'),
    namespace: text.default('piraeus-datastore').describe('Namespace of the controller.'),
    controllerSelector: text
      .default('app.kubernetes.io/component=linstor-controller')
      .describe('Label selector of the controller.'),
    storagePool: text.default('lvm-thick').describe('Pool that must hold no replica before its node goes.'),
    placeCount: whole(1).default(2).describe('Replicas that volumes are placed with.'),
    evacuationTimeout: seconds.default(45 * 60).describe('Seconds for the replicas of a node to move.'),
    settleTimeout: seconds.default(30 * 60).describe('Seconds for the storage to settle after a node is back.'),
  })
  .describe('LINSTOR storage. Absent: the cluster has none.');

export const rollout = z
  .strictObject({
    drainTimeout: seconds.default(300).describe('Seconds for one attempt to drain a node.'),
    drainAttempts: whole(1).default(3).describe('Attempts before the node is uncordoned again.'),
    deleteEmptyDirData: flag.default(true).describe('Evict pods that lose an emptyDir.'),
    evictUnmanagedPods: flag.default(false).describe('Evict pods that nothing makes again.'),
    nodeReadyTimeout: seconds.default(600).describe('Seconds for a new node to be Ready.'),
    etcdTimeout: seconds.default(600).describe('Seconds for an etcd member to leave, and to catch up.'),
    snapshotDirectory: text.default('.prox-ops/snapshots').describe('Where etcd snapshots are kept.'),
    healthTimeout: seconds.default(300).describe('Seconds for all health checks together.'),
    healthCheckTimeout: seconds.default(30).describe('Seconds for one health check.'),
    healthPasses: whole(1).default(2).describe('Passes in a row that a check needs.'),
    healthTries: whole(1).default(3).describe('Tries of all checks before the node counts as unhealthy.'),
    networkProbe: flag
      .default(true)
      .describe("Whether a Job on the node that came back shows its pods' way to DNS, services and other nodes."),
    probeImage: form(
      /^[a-z0-9][a-z0-9.:-]*(\/[a-z0-9._-]+)+(:\w[\w.-]*|@sha256:[0-9a-f]{64}|:\w[\w.-]*@sha256:[0-9a-f]{64})$/,
      'an image with registry and tag or digest, like registry.example.net/agnhost:2.63.0',
    )
      .optional()
      .transform((image) => image ?? pinnedImage('agnhost'))
      .describe("Image of that Job: agnhost, or a copy of it. Absent: versions.yaml's."),
    maxRemediations: whole(0).default(2).describe('Reboots of a node that does not come up.'),
    rebootMode: oneOf('default', 'powercycle', 'force').default('powercycle').describe('How Talos reboots it.'),
    rollback: oneOf('automatic', 'manual')
      .default('automatic')
      .describe('Whether a node that does not come up goes back to the release it ran before.'),
    strategy: oneOf('auto', 'replace', 'in-place')
      .default('auto')
      .describe('How nodes get another Talos release; auto: a patch release in place, any other by a replacement.'),
    lockTimeout: whole(0).default(300).describe("Seconds to wait for another run to give back the stack's lock."),
    suspendFlux: z
      .array(form(/^([a-z0-9-]+\/)?[a-z0-9][a-z0-9.-]*$/, 'the name of a Kustomization, as NAME or NAMESPACE/NAME'))
      .default([])
      .describe('Kustomizations of Flux that are suspended during a rollout; in flux-system unless said otherwise.'),
    leaseNamespace: text.default('kube-system').describe('Namespace of the rollout lease.'),
  })
  .describe('How nodes are replaced.');
