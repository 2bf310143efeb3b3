import type { EngineEvent } from '@pulumi/pulumi/automation';
import { splitUrn } from './changes';

/** The phases of a node's turn, in their order; a control plane has all of them. */
export const PHASES = [
  'turn',
  'drain',
  'evacuate',
  'etcd leave',
  'identity',
  'delete VM',
  'create VM',
  'configure',
  'join',
  'etcd join',
  'restore',
  'uncordon',
  'health',
] as const;

/** What a turn that keeps the VM has in place of the VM's own phases; the others are those of a replacement. */
export const IN_PLACE_PHASES = ['pull', 'etcd spare', 'change', 'roll back'] as const;

export const ALL_PHASES = [...PHASES, ...IN_PLACE_PHASES] as const;

export type Phase = (typeof ALL_PHASES)[number];

const LEAVE: Record<string, Phase> = {
  'pulumi-nodejs:dynamic/prox-ops:RolloutTurn': 'turn',
  'pulumi-nodejs:dynamic/prox-ops:NodeDrain': 'drain',
  'pulumi-nodejs:dynamic/prox-ops:LinstorEvacuation': 'evacuate',
  'pulumi-nodejs:dynamic/prox-ops:EtcdMembership': 'etcd leave',
  'pulumi-nodejs:dynamic/prox-ops:HealthGate': 'identity',
  'proxmoxve:index/vmLegacy:VmLegacy': 'delete VM',
};

const JOIN: Record<string, Phase> = {
  'proxmoxve:index/vmLegacy:VmLegacy': 'create VM',
  'talos:machine/configurationApply:ConfigurationApply': 'configure',
  'pulumi-nodejs:dynamic/prox-ops:HealthGate': 'join',
  'pulumi-nodejs:dynamic/prox-ops:EtcdMembership': 'etcd join',
  'pulumi-nodejs:dynamic/prox-ops:LinstorEvacuation': 'restore',
  'pulumi-nodejs:dynamic/prox-ops:NodeDrain': 'uncordon',
  'pulumi-nodejs:dynamic/prox-ops:RolloutTurn': 'health',
};

/** Types whose delete is a step in a node's leaving, and the VM itself. */
export const TURN_TYPES = new Set([...Object.keys(LEAVE), ...Object.keys(JOIN)]);

export interface PhaseEvent {
  phase: Phase;
  state: 'started' | 'finished' | 'failed';
}

/** The phase that an engine event starts or ends. */
export function phaseOf(event: EngineEvent): PhaseEvent | undefined {
  const [step, state] = event.resourcePreEvent
    ? ([event.resourcePreEvent.metadata, 'started'] as const)
    : event.resOutputsEvent
      ? ([event.resOutputsEvent.metadata, 'finished'] as const)
      : event.resOpFailedEvent
        ? ([event.resOpFailedEvent.metadata, 'failed'] as const)
        : ([undefined, 'failed'] as const);
  if (!step) return undefined;
  const { type } = splitUrn(step.urn);
  const phase = isDelete(step.op) ? LEAVE[type] : isCreate(step.op) ? JOIN[type] : undefined;
  return phase && { phase, state };
}

function isDelete(op: string): boolean {
  return op === 'delete' || op === 'delete-replaced';
}

function isCreate(op: string): boolean {
  return op === 'create' || op === 'create-replacement' || op === 'update';
}

/** Whether the VM still stands when this phase fails: then what was taken down can be put back. */
export function beforeTheIrreversible(phase: Phase): boolean {
  return ALL_PHASES.indexOf(phase) < ALL_PHASES.indexOf('delete VM');
}
