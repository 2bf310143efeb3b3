import { WEB } from '../names.js';
import { spread, type Shape } from './cluster-shape.js';
import {
  apart,
  barePod,
  budget,
  deployment,
  namespace,
  ratherApart,
  service,
  statefulSet,
  type Manifest,
} from './manifest.js';
import { claimTemplate, sharedClaim } from './volumes.js';

/** Applications of the kinds that a drain meets, each with its own way of making it hard. */
export function applications(shape: Shape): Manifest[] {
  return [
    namespace(WEB.namespace),
    namespace('data'),
    ...web(shape),
    ...api(shape),
    ...database(shape),
    ...others(shape),
  ];
}

/** Many replicas, one may be missing. */
function web(shape: Shape): Manifest[] {
  const { name, namespace: namespaceName } = WEB;
  return [
    deployment({
      name,
      namespace: namespaceName,
      image: 'ghcr.io/example/web:2.4.0',
      replicas: Math.min(6, 2 * spread(shape, 6)),
      pod: { topologySpreadConstraints: ratherApart(name) },
    }),
    budget(name, namespaceName, { maxUnavailable: 1 }),
    service(name, namespaceName, 8080),
  ];
}

/** No budget, but never two on one node: with as many replicas as nodes, an evicted one waits for its node to be back. */
function api(shape: Shape): Manifest[] {
  return [
    deployment({
      name: 'api',
      namespace: WEB.namespace,
      image: 'ghcr.io/example/api:1.9.2',
      replicas: spread(shape, 3),
      pod: { affinity: apart('api') },
    }),
    service('api', WEB.namespace, 8081),
  ];
}

/** A quorum of its own, on replicated volumes that can be attached to one node only. */
function database(shape: Shape): Manifest[] {
  const replicas = spread(shape, 3);
  return [
    statefulSet({
      name: 'db',
      namespace: 'data',
      image: 'docker.io/library/postgres:18.1',
      replicas,
      pod: { affinity: apart('db') },
      container: { volumeMounts: [{ name: 'data', mountPath: '/var/lib/postgresql' }] },
      spec: { podManagementPolicy: 'Parallel', volumeClaimTemplates: [claimTemplate('data')] },
    }),
    budget('db', 'data', replicas > 1 ? { minAvailable: replicas - 1 } : { maxUnavailable: 1 }),
    service('db', 'data', 5432),
  ];
}

function others(shape: Shape): Manifest[] {
  return [
    // A tight budget: of two replicas one must stay, so that they never go together.
    deployment({
      name: 'cache',
      namespace: WEB.namespace,
      image: 'docker.io/valkey/valkey:9.0',
      replicas: 2,
      pod: { topologySpreadConstraints: ratherApart('cache') },
    }),
    budget('cache', WEB.namespace, { minAvailable: 1 }),
    // Local data that an eviction throws away.
    deployment({
      name: 'thumbnails',
      namespace: WEB.namespace,
      image: 'ghcr.io/example/thumbnails:0.7.1',
      replicas: spread(shape, 2),
      pod: { volumes: [{ name: 'scratch', emptyDir: {} }], topologySpreadConstraints: ratherApart('thumbnails') },
      container: { volumeMounts: [{ name: 'scratch', mountPath: '/scratch' }] },
    }),
    // One replica with a volume: it stops before its successor can start.
    deployment({
      name: 'registry',
      namespace: 'data',
      image: 'docker.io/library/registry:3.0',
      pod: { volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'registry' } }] },
      container: { volumeMounts: [{ name: 'data', mountPath: '/var/lib/registry' }] },
      spec: { strategy: { type: 'Recreate' } },
    }),
    sharedClaim('registry'),
    // Somebody's debugging pod: nobody makes it again.
    barePod({ name: 'debug', namespace: WEB.namespace, image: 'docker.io/library/busybox:1.37' }),
  ];
}
