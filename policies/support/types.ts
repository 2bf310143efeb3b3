/**
 * Types of the resources that policies judge, by their tokens: importing the providers' SDKs for them would cost every
 * update a second.
 */
export const VM = 'proxmoxve:index/vmLegacy:VmLegacy';
export const IMAGE = 'proxmoxve:download/file:File';
export const TALOS_SECRETS = 'talos:machine/secrets:Secrets';
export const MACHINE_CONFIG = 'talos:machine/configurationApply:ConfigurationApply';
export const SCHEMATIC = 'talos:imageFactory/schematic:Schematic';
export const NODE = 'prox-ops:node:TalosNode';
export const IDENTITY = 'pulumi-nodejs:dynamic/prox-ops:NodeIdentity';
export const GATE = 'pulumi-nodejs:dynamic/prox-ops:HealthGate';
export const ETCD = 'pulumi-nodejs:dynamic/prox-ops:EtcdMembership';
export const EVACUATION = 'pulumi-nodejs:dynamic/prox-ops:LinstorEvacuation';
export const DRAIN = 'pulumi-nodejs:dynamic/prox-ops:NodeDrain';
export const TURN = 'pulumi-nodejs:dynamic/prox-ops:RolloutTurn';

/** The lifecycle resources that come and go with the VM, innermost first. */
export const BRACKETS = [GATE, ETCD, EVACUATION, DRAIN, TURN];

/** What a type is called in a message: `HealthGate`. */
export function shortType(type: string): string {
  return type.split(':').at(-1) ?? type;
}
