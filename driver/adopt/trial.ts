import { UNKNOWN } from '@prox-ops/operations';
import { SCHEMATIC_TYPE, VM_TYPE } from '../state';
import {
  entryFor,
  ordered,
  plain,
  secret,
  skeleton,
  withKnownDependencies,
  withProviderIds,
  type Deployment,
  type StateEntry,
} from './deployment';
import { configurationDifferences, propertyOf, vmDifferences } from './differences';
import { inputsAfter, type EnginePlan, type PlannedResource } from './enginePlan';
import type { Findings } from './findings';
import type { LiveNode } from './liveCluster';
import type { ImportOrder, Scratch } from './scratch';
import { CONFIGURATION_TYPE } from '../state';
import { isRead, SECRETS_TYPE, writtenEntry } from './stateEntries';

/** An entry of `adopted` in the stack file, by the name of its VM's resource. */
export interface Entry {
  /** `k8s-work-1-vm`, `template-a-thor-gpu` */
  resource: string;
  /** Path in the stack file. */
  path: string;
  /** For people. */
  subject: string;
  keep: string[];
}

export interface TrialOptions {
  scratch: Scratch;
  findings: Findings;
  /** The stack file with these properties kept. */
  stackFile: (entries: Entry[], keepConfiguration: string[]) => string;
  entries: Entry[];
  nodes: LiveNode[];
  /** Path of a secrets.yaml. */
  secrets: string;
  /** An administrator's. */
  kubeconfig: string;
}

export interface Trial {
  stackFile: string;
  deployment: Deployment;
  /** What the first update will make, as `type name`. */
  creates: string[];
}

/** Rounds of taking over what a provider makes of the values found; more would mean that it never comes to rest. */
const ROUNDS = 3;

/**
 * Brings a scratch state to where the first preview of the real stack shows nothing that touches what is there. The
 * engine and the providers judge: what they see differ is kept as it is and told.
 */
export async function tryOut(options: TrialOptions): Promise<Trial> {
  const { scratch } = options;
  await lay(scratch, await scratch.plan());
  await readLive(options, await scratch.plan());
  keepWhatDiffers(options, await scratch.plan(), await scratch.export(false));
  // Only now no VM is about to be replaced any more, and everything that hangs on their ids is known.
  scratch.describe(options.stackFile(options.entries, []));
  await writeEntries(options, await scratch.plan());
  const kept = await keepConfigurations(options);
  const stackFile = options.stackFile(options.entries, kept);
  scratch.describe(stackFile);
  const last = await settle(scratch);
  refuseChanges(options.findings, last);
  const creates = last.resources
    .filter(({ steps }) => steps.includes('create'))
    .map(({ type, name }) => `${type} ${name}`);
  return { stackFile, deployment: await scratch.export(true), creates: creates.sort() };
}

/** Components and providers, then the schematics: their ids are what everything else is made from. */
async function lay(scratch: Scratch, plan: EnginePlan): Promise<void> {
  const known = plan.resources.filter(({ inputDiff }) => !JSON.stringify(inputDiff).includes(UNKNOWN));
  await put(scratch, skeleton(known));
  const schematics = plan.resources.filter(({ type }) => type === SCHEMATIC_TYPE).map(({ urn }) => urn);
  await scratch.update(schematics);
}

/** Replaces the scratch state's resources. */
async function put(scratch: Scratch, resources: StateEntry[]): Promise<void> {
  const state = await scratch.export(false);
  state.deployment.resources = ordered(withProviderIds(withKnownDependencies(resources)));
  await scratch.import(state);
}

/** VMs, templates and secrets, read by their providers. Of a clone the program wants to know what it was cloned from. */
async function readLive(options: TrialOptions, plan: EnginePlan): Promise<void> {
  const { scratch, entries, secrets } = options;
  const names = new Set(entries.map(({ resource }) => resource));
  const taken = plan.resources.filter((one) => isRead(one) && (one.type === SECRETS_TYPE || names.has(one.name)));
  await scratch.read(taken.map((one) => importOrder(one, secrets)));
  const { deployment } = await scratch.export(false);
  const resources = (deployment.resources ?? []).map((entry) => {
    const planned = taken.find(({ urn }) => urn === entry.urn);
    const clone = planned && inputsAfter({}, planned.inputDiff)['clone'];
    if (clone === undefined) return entry;
    return { ...entry, inputs: { ...entry.inputs, clone }, outputs: { ...entry.outputs, clone } };
  });
  await put(scratch, resources);
}

function importOrder(planned: PlannedResource, secrets: string): ImportOrder {
  const { type, name, parent = '', provider = '' } = planned;
  const { nodeName, vmId } = inputsAfter({}, planned.inputDiff) as { nodeName?: string; vmId?: number };
  const id = type === VM_TYPE ? `${nodeName}/${vmId}` : secrets;
  return { type, name, id, parent, provider: provider.replace(/::[^:]*$/, '') };
}

function keepWhatDiffers({ entries, findings }: TrialOptions, plan: EnginePlan, state: Deployment): void {
  const outputs = new Map(state.deployment.resources?.map((entry) => [entry.urn, entry]));
  for (const entry of entries) {
    const planned = plan.resources.find(({ type, name }) => type === VM_TYPE && name === entry.resource);
    if (!planned) continue;
    const properties = new Set(Object.keys(planned.differences).map(propertyOf));
    const added = [...properties].filter((property) => !entry.keep.includes(property)).sort();
    const before = outputs.get(planned.urn);
    const wanted = inputsAfter(before?.inputs ?? {}, planned.inputDiff);
    findings.differences.push(...vmDifferences(entry.subject, entry.path, added, before?.outputs ?? {}, wanted));
    entry.keep = [...entry.keep, ...added].sort();
  }
}

/** Everything that no provider can read, and the dependencies of what was read. */
async function writeEntries({ scratch, kubeconfig }: TrialOptions, plan: EnginePlan): Promise<void> {
  const { deployment } = await scratch.export(false);
  const before = new Map(deployment.resources?.map((entry) => [entry.urn, entry]));
  const resources = plan.resources.flatMap((planned): StateEntry[] => {
    const known = before.get(planned.urn);
    if (!known) return [writtenEntry(planned, kubeconfig) ?? []].flat();
    const { id, outputs } = known;
    return [entryFor(planned, { ...(id !== undefined && { id }), ...(outputs && { outputs }) }, known.inputs)];
  });
  await put(scratch, resources);
}

/** Machine configurations that differ stay as they are. @returns names of their nodes. */
async function keepConfigurations({ scratch, nodes, findings }: TrialOptions): Promise<string[]> {
  const state = await scratch.export(true);
  const kept: string[] = [];
  for (const entry of state.deployment.resources ?? []) {
    if (entry.type !== CONFIGURATION_TYPE) continue;
    const wanted = plain(entry.inputs?.['machineConfigurationInput']);
    const node = nodes.find(({ name }) => entry.urn.endsWith(`::${name}-config`));
    if (!node || typeof wanted !== 'string') continue;
    const differences = configurationDifferences(node.name, node.configuration, wanted);
    if (differences.length === 0) continue;
    findings.differences.push(...differences);
    kept.push(node.name);
    const machineConfiguration = secret(node.configuration);
    entry.inputs = { ...entry.inputs, machineConfigurationInput: machineConfiguration };
    entry.outputs = { ...entry.outputs, machineConfigurationInput: machineConfiguration, machineConfiguration };
  }
  await scratch.import(state);
  return kept;
}

/** The provider prints a machine configuration in its own way: that is taken over until nothing differs any more. */
async function settle(scratch: Scratch): Promise<EnginePlan> {
  for (let round = 1; ; round += 1) {
    const plan = await scratch.plan();
    const printed = plan.resources.filter(({ type, steps }) => type === CONFIGURATION_TYPE && steps.includes('update'));
    if (printed.length === 0 || round === ROUNDS) return plan;
    const state = await scratch.export(false);
    for (const { urn, outputs } of printed) {
      const entry = state.deployment.resources?.find((candidate) => candidate.urn === urn);
      if (entry) entry.outputs = { ...entry.outputs, ...outputs };
    }
    await scratch.import(state);
  }
}

const HARMLESS = new Set(['same', 'create', 'read']);

/**
 * Whatever would still touch something that is there stands in the way of the adoption. A provider of its own accord
 * touches nothing; the default one is "updated" whenever the stack file changes.
 */
function refuseChanges(findings: Findings, plan: EnginePlan): void {
  for (const { name, type, steps, differences } of plan.resources) {
    const touching = steps.filter((step) => !HARMLESS.has(step));
    if (touching.length === 0 || type.startsWith('pulumi:providers:')) continue;
    const why = Object.keys(differences).join(', ') || 'no reason given';
    findings.problem(`${name}: expected a preview without changes, found ${touching.join(', ')} (${why})`);
  }
}
