import type { KubernetesPart } from '@prox-ops/operations';
import type { Stack } from '@pulumi/pulumi/automation';
import { releaseInDescription } from '../config/plan';
import { ChangeSet, type Change } from './changes';
import { FindingCollector, type Finding } from './check/findings';
import { preview } from './engine';
import { CommandError, ExitCode } from './exit';
import { isKnown } from './judged';
import { TURN_TYPES } from './phases';
import { GATE_TYPE, VM_TYPE } from './state';

/** One node's turn, as planned. */
export interface PlannedNode {
  name: string;
  role: 'controlplane' | 'worker';
  vmId: number;
  /** Name of the VM that stands, as the state has it. */
  vmName?: string;
  /** Talos releases; `from` is undefined for a node that is new. */
  from: string | undefined;
  to: string;
  /**
   * replace: the VM goes and comes. upgrade: in place, the VM stays. roll back: a replacement by the previous release.
   * finish: an interrupted turn goes on. add, remove: the node comes or leaves for good. kubernetes: another Kubernetes
   * alone, on the machine as it runs.
   */
  action: 'replace' | 'upgrade' | 'roll back' | 'finish' | 'add' | 'remove' | 'kubernetes';
  /** Another Kubernetes. `alone`: nothing else differs. */
  kubernetes?: { from: string; to: string; alone: boolean };
  /** Which part of a machine's Kubernetes a turn is about: a control plane has two turns. */
  part?: KubernetesPart;
  /** What only a replacement does; empty when an upgrade in place would do as well. */
  needsReplacement: string[];
  /** What differs, for people. */
  why: string[];
  /** URN of every resource of the node: a target names them all, or dependents are made again with their old inputs. */
  urns: string[];
  /** The preview knew all that the node's VM will be made of, and so the policies have judged all of it. */
  known: boolean;
}

export interface RollPlan {
  /** Control planes first, in a stable order. */
  nodes: PlannedNode[];
  /** Templates, images and whatever else belongs to no node and must be there first. */
  prepare: Change[];
  /** What an ordinary update does once no node is left to replace: changes of nodes that need no turn, and clean-up. */
  inPlace: Change[];
}

/**
 * What is left to replace is what a preview says would be replaced: there is no other memory. Changes nothing. Our own
 * refusal of two replacements in one update is switched off for this preview alone.
 */
export async function planRoll(
  stack: Stack,
  environment: Record<string, string> = {},
  policyPacks: string[] = [],
): Promise<RollPlan> {
  const changes = new ChangeSet();
  const policies = new FindingCollector();
  try {
    await preview(stack, {
      policyPacks,
      environment: { ...environment, PROX_OPS_PLAN: '1' },
      onEvent: (event) => {
        changes.add(event);
        policies.add(event);
      },
    });
  } catch (error) {
    if (policies.blocks) throw refusal(stack.name, policies.findings(changes));
    throw error;
  }
  return planFrom(changes);
}

function refusal(stack: string, findings: Finding[]): CommandError {
  const lines = findings
    .filter(({ level }) => level === 'mandatory')
    .map(({ policy, message }) => `  ${policy}: ${message}`);
  const text = `${lines.length} policy violation(s). Nothing was changed.\n${lines.join('\n')}`;
  return new CommandError(`${text}\nMore: prox-ops check --stack ${stack}`, ExitCode.blocked);
}

export function planFrom(changes: ChangeSet): RollPlan {
  const nodes: PlannedNode[] = [];
  const inPlace: Change[] = [];
  for (const [name, resources] of changes.byNode()) {
    const turn = resources.filter((change) => TURN_TYPES.has(change.type) && needsTurn(change));
    if (turn.length > 0) nodes.push(plannedNode(name, resources));
    else if (kubernetesChange(resources)) nodes.push({ ...plannedNode(name, resources), action: 'kubernetes' });
    else inPlace.push(...resources.filter(isTouched));
  }
  const shared = changes.touched().filter((change) => change.node === undefined && isOwnResource(change));
  // A template that nobody uses any more goes last: until then it is the way back.
  const isLast = (change: Change) => isOnlyDeleted(change) || isProvider(change);
  inPlace.push(...shared.filter(isLast));
  const prepare = shared.filter((change) => !isLast(change));
  return { nodes: nodes.sort(byReplacementOrder), prepare, inPlace };
}

function byReplacementOrder(left: PlannedNode, right: PlannedNode): number {
  if (left.role !== right.role) return left.role === 'controlplane' ? -1 : 1;
  return left.vmId - right.vmId;
}

/** An update stores new inputs and takes nothing down. */
function needsTurn(change: Change): boolean {
  return change.ops.some((op) => op !== 'same' && op !== 'update' && op !== 'read' && op !== 'refresh');
}

function isTouched(change: Change): boolean {
  return change.ops.some((op) => op !== 'same' && op !== 'read');
}

function isOnlyDeleted(change: Change): boolean {
  return change.ops.every((op) => op === 'delete');
}

/**
 * Every edit of the stack file is a change of the default provider of dynamic resources, which has the whole
 * configuration among its inputs: it says nothing.
 */
function isOwnResource(change: Change): boolean {
  return change.type !== 'pulumi:pulumi:Stack' && !(isProvider(change) && change.name.startsWith('default'));
}

/**
 * Named as a target it would have everything that depends on it deleted with it that the program describes no more: a
 * node that is to leave in a turn of its own. The engine updates it with whatever it is used for, named or not.
 */
function isProvider(change: Change): boolean {
  return change.type.startsWith('pulumi:providers:');
}

function plannedNode(name: string, resources: Change[]): PlannedNode {
  const vm = resources.find((change) => change.type === VM_TYPE);
  const inputs = vm?.after ?? vm?.before ?? {};
  const to = releaseOf(vm?.after) ?? wantedTalos(resources) ?? '';
  const from = releaseOf(vm?.before);
  const kubernetes = kubernetesChange(resources);
  return {
    name,
    role: tagsOf(inputs).includes('controlplane') ? 'controlplane' : 'worker',
    vmId: Number(inputs.vmId),
    ...(typeof vm?.before?.name === 'string' && { vmName: vm.before.name }),
    from,
    to,
    action: neverJoined(resources) ? 'add' : actionFor(vm),
    needsReplacement: needsReplacement(vm, resources),
    why: reasons(vm, from, to),
    ...(kubernetes && { kubernetes }),
    urns: resources.map((change) => change.urn),
    known: isKnown(resources),
  };
}

/** What a VM's description says beside the Talos release. */
const SAID = ['schematic', 'Kubernetes', 'boot configuration'];

function saidOtherwise(before: Record<string, unknown>, after: Record<string, unknown>): string[] {
  const [old, now] = [before, after].map(({ description }) => String(description).split(', '));
  return SAID.filter((what) => {
    const said = (parts: string[] = []) => parts.find((part) => part.startsWith(`${what} `));
    return said(old) !== undefined && said(old) !== said(now);
  }).map((what) => `another ${what}`);
}

/** Properties of the VM that differ, without those that go with every release. */
function changedProperties({ before = {}, after = {}, paths = [] }: Change): string[] {
  const keys = new Set(['clone', 'nodeName', 'vmId', ...paths.map((path) => path.replace(/[[.].*/, ''))]);
  keys.delete('description');
  return [...keys].filter((key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]));
}

function releaseOf(inputs: Record<string, unknown> | undefined): string | undefined {
  return typeof inputs?.description === 'string' ? releaseInDescription(inputs.description) : undefined;
}

function tagsOf(inputs: Record<string, unknown>): unknown[] {
  return Array.isArray(inputs.tags) ? inputs.tags : [];
}

function actionFor(vm: Change | undefined): PlannedNode['action'] {
  if (!vm) return 'remove';
  if (vm.ops.some((op) => op === 'replace' || op === 'create-replacement' || op === 'delete-replaced'))
    return 'replace';
  if (vm.ops.includes('create')) return 'add';
  if (vm.ops.includes('delete')) return 'remove';
  return 'finish';
}

const TURN_TYPE = 'pulumi-nodejs:dynamic/prox-ops:RolloutTurn';

/**
 * A first build, or a node's coming, stopped half way, whatever there is of its VM: the last step of its join was never
 * done. What an interrupted turn took down is in the state still, and is made again as a replacement.
 */
function neverJoined(resources: Change[]): boolean {
  const turn = resources.find(({ type }) => type === TURN_TYPE);
  return turn !== undefined && turn.ops.every((op) => op === 'create');
}

/** A preview does not know the VM's description while its schematic is still to be made. */
function wantedTalos(resources: Change[]): string | undefined {
  const release = resources.find(({ type }) => type === GATE_TYPE)?.after?.release as { talos?: unknown } | undefined;
  return typeof release?.talos === 'string' ? release.talos : undefined;
}

/** A release makes these of a VM: its template, and the description that names release and schematic. */
const OF_THE_IMAGE = /^(description|clone)\b/;

/** A machine keeps its VM through another Talos or schematic, and through nothing else. */
function needsReplacement(vm: Change | undefined, resources: Change[]): string[] {
  if (vm === undefined || actionFor(vm) !== 'replace') return ['its VM does not stand as it should'];
  if (resources.some(isHalfReplaced)) return ['its replacement has begun'];
  const others = (vm.paths ?? []).filter((path) => !OF_THE_IMAGE.test(path)).map((path) => `${path} changed`);
  if (bootOf(vm.before) !== bootOf(vm.after)) others.push('another boot configuration');
  const gate = resources.find(({ type }) => type === GATE_TYPE);
  const [from, to] = [kubernetesOf(gate?.before), kubernetesOf(gate?.after)];
  return from === to && to !== undefined
    ? others
    : [...others, `Kubernetes ${from ?? 'unknown'} -> ${to ?? 'unknown'}`];
}

/** Its old one went in an earlier run. */
function isHalfReplaced({ type, ops }: Change): boolean {
  return (
    TURN_TYPES.has(type) &&
    ops.some((op) => op === 'create' || op === 'create-replacement') &&
    !ops.includes('delete-replaced')
  );
}

/** Talos takes it over at boot alone, and gets its configuration after an upgrade's boot. */
function bootOf(inputs: Record<string, unknown> | undefined): string | undefined {
  return String(inputs?.description)
    .split(', ')
    .find((part) => part.startsWith('boot configuration '));
}

/** Told by what the last join of the node waited for: a VM that was adopted, or made long ago, does not name it. */
function kubernetesChange(resources: Change[]): PlannedNode['kubernetes'] {
  const vm = resources.find((change) => change.type === VM_TYPE);
  const gate = resources.find(({ type }) => type === GATE_TYPE);
  const [from, to] = [kubernetesOf(gate?.before), kubernetesOf(gate?.after)];
  if (vm === undefined || from === undefined || to === undefined || from === to) return undefined;
  const needs = actionFor(vm) === 'replace' ? needsReplacement(vm, resources) : [];
  const others = needs.filter((what) => !what.startsWith('Kubernetes '));
  return { from, to, alone: others.length === 0 && imageOf(vm.before) === imageOf(vm.after) };
}

/** What a VM was made from, as its description has it. */
function imageOf(inputs: Record<string, unknown> | undefined): string {
  return String(inputs?.description).split(', ').slice(0, 2).join(', ');
}

function kubernetesOf(inputs: Record<string, unknown> | undefined): string | undefined {
  const release = inputs?.release as { kubernetes?: unknown } | undefined;
  return typeof release?.kubernetes === 'string' ? release.kubernetes : undefined;
}

function reasons(vm: Change | undefined, from: string | undefined, to: string): string[] {
  const why: string[] = [];
  if (from !== undefined && from !== to) why.push(`Talos ${from} -> ${to}`);
  if (vm?.before && vm.after) {
    why.push(...saidOtherwise(vm.before, vm.after));
    for (const key of changedProperties(vm)) why.push(`${key} changed`);
  }
  return why.length > 0 ? why : ['an interrupted turn goes on'];
}
