import { ChangeSet, type Change } from '../../driver/changes';
import { planFrom } from '../../driver/plan';
import { VM_TYPE } from '../../driver/state';
import { vmEffects } from '../../driver/vmEffects';
import type { EngineEvent } from '@pulumi/pulumi/automation';

/** What an update would do, by the engine's own events. Nodes are names; each list is in their order. */
export interface Effects {
  /** Why the preview ends with an error, and nothing is changed. */
  refused?: string;
  replaced: string[];
  added: string[];
  removed: string[];
  /** What a running VM would not simply go on with. */
  disturbed: string[];
  /** Properties of VMs that are written while they run. */
  vms: { nodes: string[]; properties: string[] };
  /** Nodes that get another machine configuration while they run. */
  configured: string[];
  /** Nodes of which the state alone gets other values, for a later leave. */
  stored: string[];
  /** What happens to resources that belong to no node: `templates made`. */
  shared: string[];
}

const CONFIGURATION = 'talos:machine/configurationApply:ConfigurationApply';

/** What belongs to no node and is of interest to an operator; configurations are validated whenever they change. */
const SHARED: [type: RegExp, name: string][] = [
  [/^proxmoxve:index\/vmLegacy:/, 'templates'],
  [/^proxmoxve:download\//, 'images'],
  [/^kubernetes:/, 'objects in Kubernetes'],
  [/^talos:(cluster|machine)\//, 'kubeconfig'],
];

/** What the program or the engine refuse, by what they say. */
const REFUSALS: [says: RegExp, why: string][] = [
  [/because it is protected/, 'the Talos secrets are protected'],
  [/a disk never shrinks/, 'a disk never shrinks'],
];

/** @throws Error for a preview that failed for a reason of which the page does not tell. */
export function effectsOf(events: EngineEvent[]): Effects {
  const refused = refusalIn(events);
  const changes = new ChangeSet();
  for (const event of events) changes.add(event);
  const plan = planFrom(changes);
  const acting = (action: string) => plan.nodes.filter((node) => node.action === action).map(({ name }) => name);
  const inPlace = plan.inPlace.filter(({ node, ops }) => node !== undefined && ops.includes('update'));
  const vms = inPlace.filter(({ type }) => type === VM_TYPE);
  const told = (of: Change[]) => [...new Set(of.map(({ node = '' }) => node))].sort();
  const configured = inPlace.filter(({ type }) => type === CONFIGURATION);
  return {
    ...(refused !== undefined && { refused }),
    replaced: acting('replace').sort(),
    added: acting('add'),
    removed: acting('remove'),
    disturbed: disturbances(inPlace),
    vms: { nodes: told(vms), properties: propertiesOf(vms) },
    configured: told(configured),
    stored: told(inPlace.filter(({ type }) => type.startsWith('pulumi-nodejs:dynamic/'))),
    shared: sharedOf([...plan.prepare, ...plan.inPlace.filter(({ node }) => node === undefined)]),
  };
}

function refusalIn(events: EngineEvent[]): string | undefined {
  const errors = events.flatMap(({ diagnosticEvent: told }) => (told?.severity === 'error' ? [told.message] : []));
  if (errors.length === 0) return undefined;
  const known = REFUSALS.find(([says]) => errors.some((error) => says.test(error)));
  if (known) return known[1];
  throw new Error(errors.join('\n'));
}

function disturbances(inPlace: Change[]): string[] {
  return vmEffects(inPlace).map(({ vm, effect, why }) => `${vm} ${effect}: ${why.join(', ')}`);
}

function propertiesOf(vms: Change[]): string[] {
  const paths = vms.flatMap(({ paths = [] }) => paths).map((path) => path.replace(/[[.].*/, ''));
  return [...new Set(paths)].sort();
}

function sharedOf(changes: Change[]): string[] {
  return SHARED.flatMap(([type, name]) => {
    const own = changes.filter((change) => type.test(change.type));
    const replaced = ({ ops }: Change) => ops.some((op) => op.includes('replace'));
    const plain = own.filter((change) => !replaced(change));
    const done: [what: string, of: Change[]][] = [
      ['made', plain.filter(({ ops }) => ops.includes('create'))],
      ['replaced', own.filter(replaced)],
      ['changed', plain.filter(({ ops }) => ops.includes('update'))],
      ['removed', plain.filter(({ ops }) => ops.includes('delete'))],
    ];
    return done.filter(([, of]) => of.length > 0).map(([what]) => `${name} ${what}`);
  });
}
