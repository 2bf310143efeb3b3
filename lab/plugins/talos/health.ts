import type { Failure, FunctionCall } from '../protocol/provider.js';
import { flag, texts } from '../protocol/read-value.js';
import { type Deadline, pause } from '../protocol/timing.js';
import type { PropertyMap } from '../protocol/values.js';
import { deadlineOf } from './durations.js';
import { withClient } from './machine-api.js';
import type { Machine } from './machine-api.js';

/** Seconds between two rounds of checks in the real provider. */
const ROUND = 5;

interface Replies<T> {
  messages: (T & { metadata?: { hostname: string; error: string } })[];
}

interface Services {
  services: { id: string; state: string; health?: { unknown: boolean; healthy: boolean } }[];
}

interface Members {
  members: { id: string; hostname: string }[];
}

interface Cluster {
  controlPlanes: string[];
  workers: string[];
  nodes(addresses: string[]): Machine;
}

/** A check fails by throwing; its message says what was found. */
interface Check {
  says: string;
  holds(cluster: Cluster): Promise<void>;
}

const CHECKS: Check[] = [
  { says: 'etcd to be healthy', holds: (cluster) => serviceRuns(cluster, cluster.controlPlanes, 'etcd') },
  { says: 'etcd members to be consistent across nodes', holds: membersAgree },
  { says: 'apid to be ready', holds: (cluster) => everyNode(cluster, 'Version') },
  { says: 'all nodes memory sizes', holds: (cluster) => everyNode(cluster, 'Memory') },
  { says: 'kubelet to be healthy', holds: (cluster) => serviceRuns(cluster, all(cluster), 'kubelet') },
];

/**
 * talos:cluster/getHealth:getHealth, the half that asks the machine API: each check in its order, again and again until
 * it holds or the time is up.
 */
export async function getHealth({ args }: FunctionCall): Promise<PropertyMap | Failure[]> {
  const failures = ['clientConfiguration', 'endpoints', 'controlPlaneNodes']
    .filter((name) => args[name] === undefined)
    .map((property) => ({ property, reason: 'missing required argument' }));
  if (!flag(args['skipKubernetesChecks'])) {
    const reason = "the lab's talos plugin checks the machines only: set it to true and look at Kubernetes yourself";
    failures.push({ property: 'skipKubernetesChecks', reason });
  }
  if (failures.length > 0) return failures;
  const deadline = deadlineOf(args['timeouts'], 'read');
  const endpoint = texts(args['endpoints'])[0] ?? '';
  const target = { node: endpoint, endpoint, clientConfiguration: args['clientConfiguration'] };
  await withClient(target, deadline, async (_, nodes) => {
    const cluster = { controlPlanes: texts(args['controlPlaneNodes']), workers: texts(args['workerNodes']), nodes };
    for (const check of CHECKS) await untilHolds(check, cluster, deadline);
  });
  return { ...args, id: 'cluster_health' };
}

async function untilHolds(check: Check, cluster: Cluster, deadline: Deadline): Promise<void> {
  for (;;) {
    try {
      return await check.holds(cluster);
    } catch (error) {
      if (deadline.passed)
        throw new Error(`cluster is not healthy: waiting for ${check.says}: ${(error as Error).message}`);
      await pause(ROUND, deadline);
    }
  }
}

function all(cluster: Cluster): string[] {
  return [...cluster.controlPlanes, ...cluster.workers];
}

async function serviceRuns(cluster: Cluster, addresses: string[], id: string): Promise<void> {
  const reply = await cluster.nodes(addresses).unary<Replies<Services>>('machine', 'ServiceList');
  complete(reply, addresses);
  for (const { metadata, services } of reply.messages) {
    const service = services.find((candidate) => candidate.id === id);
    const where = metadata?.hostname ?? addresses[0];
    if (service?.state !== 'Running') throw new Error(`${where}: service "${id}" is ${service?.state ?? 'not there'}`);
    if (service.health && !service.health.unknown && !service.health.healthy) {
      throw new Error(`${where}: service "${id}" is not healthy`);
    }
  }
}

async function membersAgree(cluster: Cluster): Promise<void> {
  const reply = await cluster.nodes(cluster.controlPlanes).unary<Replies<Members>>('machine', 'EtcdMemberList');
  complete(reply, cluster.controlPlanes);
  const lists = reply.messages.map(({ members }) =>
    members
      .map(({ hostname }) => hostname)
      .sort()
      .join(', '),
  );
  if (new Set(lists).size > 1) throw new Error(`etcd member lists differ: ${lists.join(' | ')}`);
  const count = reply.messages[0]?.members.length ?? 0;
  if (count !== cluster.controlPlanes.length) {
    throw new Error(`expected ${cluster.controlPlanes.length} etcd members, found ${count}`);
  }
}

async function everyNode(cluster: Cluster, method: 'Version' | 'Memory'): Promise<void> {
  complete(await cluster.nodes(all(cluster)).unary<Replies<object>>('machine', method), all(cluster));
}

/** A node that failed is a message with an error; one that was dropped is no message at all. */
function complete(reply: Replies<object>, addresses: string[]): void {
  const failed = reply.messages.find(({ metadata }) => metadata?.error);
  if (failed) throw new Error(`${failed.metadata?.hostname}: ${failed.metadata?.error}`);
  if (reply.messages.length !== addresses.length) {
    throw new Error(`expected answers of ${addresses.length} nodes, found ${reply.messages.length}`);
  }
}
