import { faults, nodeFaults } from '../checks/linstorRules.js';
import { holds, type Node } from '../clients/kubernetesObjects.js';
import { Stop } from '../runtime/errors.js';
import type { Step } from '../step.js';
import { cordonedByUs } from '../checks/cordonMark.js';
import {
  assertQuorumWithout,
  memberAt,
  memberOf,
  readEtcd,
  unhealthyMembers,
  type EtcdView,
} from '../checks/etcdView.js';
import { inWords, keepBaseline, lookBefore, standInTheWay } from './before.js';
import { guardedLinstor, listed, reach } from './linstorGuard.js';
import { matesOut, type Turn } from './turn.js';
import type { OpenNode } from './turnRecord.js';

/** Seconds for LINSTOR to answer. Nothing was drained yet that could have moved its controller. */
const LINSTOR_ANSWERS = 10;

/**
 * Before the first change: everything but the node itself must be able to do without it. What is out beside it, as a mate of
 * its batch, is out by this run's own doing. @throws Stop with all that is wrong.
 */
export async function preflight(step: Step, turn: Turn): Promise<void> {
  const { session, settings, inputs, ctx } = step;
  const nodes = (await session.kubernetes.list<Node>('/api/v1/nodes')) ?? [];
  const away = [step.node.name, ...(await matesOut(step))];
  const [health, ...asked] = await Promise.all([
    lookBefore({ session, settings, access: inputs.access, clock: ctx.clock }),
    etcdProblems(step, nodes),
    linstorProblems(step, turn.open, away),
  ]);
  // A node that is out already may be the reason, and has to come back.
  const others = turn.opened ? inWords(standInTheWay(health)) : [];
  const wrong = [...nodeProblems(nodes, away), ...asked.flat(), ...others];
  if (wrong.length > 0)
    throw new Stop('every other node and the storage healthy before a node leaves', listed(wrong, 8));
  await keepBaseline(step, turn, health);
  step.report('preflight passed');
}

function nodeProblems(nodes: Node[], away: string[]): string[] {
  const others = nodes.filter(({ metadata }) => !away.includes(metadata.name));
  return others.flatMap((node) => {
    const { name } = node.metadata;
    if (!holds(node, 'Ready')) return [`node ${name} is not Ready`];
    if (cordonedByUs(node)) return [`node ${name} is cordoned by prox-ops still`];
    // It may be about to fail, or have no room for what leaves this node: whoever cordoned it knows.
    return node.spec?.unschedulable === true ? [`node ${name} is cordoned by somebody else`] : [];
  });
}

/** Every other control plane must have its voter back, so that never two members are missing. */
async function etcdProblems(step: Step, nodes: Node[]): Promise<string[]> {
  const view = await readEtcd(step.session.talos, step.inputs.access.controlPlanes);
  const own = step.node.role === 'controlplane' ? memberOf(view, step.node) : undefined;
  assertQuorumWithout(view, own);
  const others = step.inputs.access.controlPlanes
    .filter((address) => address !== step.node.address)
    .filter((address) => !leftForGood(address, view, nodes));
  const absent = others.filter((address) => ![...view.live.values()].some((live) => live.address === address));
  const troubles = view.troubles.filter((trouble) => absent.some((address) => trouble.startsWith(`${address}:`)));
  return [...unhealthyMembers(view, own), ...troubles.map((trouble) => `no etcd member answers at ${trouble}`)];
}

/**
 * A node that leaves for good is told by its last inputs, which may name control planes that left before it. What is
 * neither in etcd nor in Kubernetes has left: a control plane that is out for its replacement keeps its Node all the while.
 */
function leftForGood(address: string, view: EtcdView, nodes: Node[]): boolean {
  const registered = nodes.some(({ status }) => status?.addresses?.some((own) => own.address === address));
  return !registered && memberAt(view, address) === undefined;
}

async function linstorProblems(step: Step, open: OpenNode, away: string[]): Promise<string[]> {
  const linstor = guardedLinstor(step);
  if (!linstor) return [];
  const [nodes, resources] = await reach(step, LINSTOR_ANSWERS, () =>
    Promise.all([linstor.nodes(), linstor.resources()]),
  );
  // Replicas that move at our own wish look faulty while they do; the evacuation itself looks again when they have moved.
  const moving = open.evacuated ? [] : faults(resources);
  return [...nodeFaults(nodes, away), ...moving];
}
