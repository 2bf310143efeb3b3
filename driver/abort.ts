import { TOGETHER } from '@prox-ops/operations';
import type { Stack } from '@pulumi/pulumi/automation';
import { kubernetesInDescription, releaseInDescription } from '../config/plan';
import { PUT_BACK } from '../config/marks';
import { ONLY_NODES } from '../config/narrowing';
import { RELEASE_OVERRIDES } from '../config/overrides';
import type { Slot, StackConfig } from '../config/schema';
import { update } from './engine';
import { CommandError, ExitCode } from './exit';
import { TurnTracker } from './nodeTurn';
import { runEnvironment } from './rollUpdate';
import type { RunLog } from './runLog';
import { GATE_TYPE, IDENTITY_TYPE, readState, VM_TYPE, type StateResource } from './state';
import { stackConfig } from './stackFile';

export interface AbortOptions {
  stack: Stack;
  log: RunLog;
  runId: string;
  holder: string;
  /** See `TurnOptions`. What touches pods, storage and the lease again is then left to the caller. */
  batch?: readonly string[];
}

/**
 * Puts a node back whose leaving was stopped: an ordinary update of that node with the release its VM runs. Only what
 * was taken down is made again (restore, uncordon, lease given back).
 * @throws CommandError when the VM is gone, or its release is in neither slot any more.
 */
export async function abortNode(options: AbortOptions, node: string): Promise<void> {
  const { stack, log } = options;
  const resources = (await readState(stack)).ofNode(node);
  const slot = slotOf(await stackConfig(stack), resources, node);
  const tracker = new TurnTracker(node, log);
  await update(
    stack,
    {
      targets: resources.map((resource) => resource.urn),
      environment: {
        ...runEnvironment(options),
        [RELEASE_OVERRIDES]: JSON.stringify({ [node]: slot }),
        [PUT_BACK]: JSON.stringify({ [node]: standing(resources) }),
        [ONLY_NODES]: node,
        ...(options.batch && { [TOGETHER]: '1' }),
      },
      onEvent: (event) => {
        tracker.add(event);
      },
      message: `prox-ops abort: ${node}`,
    },
    (what) => {
      log.emit({ type: 'run.reconciled', what });
    },
  );
}

/**
 * The node as it stands, by the innermost resource of those that make it leave: it is the last to go before the VM, and so
 * still has the inputs that the node was last joined with.
 */
function standing(resources: StateResource[]): unknown {
  const told = (wanted: string) => resources.find(({ type }) => type === wanted)?.inputs.node;
  return told(GATE_TYPE) ?? told(IDENTITY_TYPE);
}

interface Running {
  talos: string;
  /** A VM that was made long ago names only Talos. */
  kubernetes?: string | undefined;
}

/**
 * What the node's VM runs, as its description has it. That of an adopted one is somebody else's: it runs what its last join
 * waited for.
 */
function runningOf(resources: StateResource[]): Running | undefined {
  const vm = resources.find((resource) => resource.type === VM_TYPE);
  if (vm === undefined) return undefined;
  const { description } = vm.inputs;
  const text = typeof description === 'string' ? description : '';
  const talos = releaseInDescription(text);
  if (talos !== undefined) return { talos, kubernetes: kubernetesInDescription(text) };
  return resources.find(({ type }) => type === GATE_TYPE)?.inputs.release as Running | undefined;
}

/** The slot whose release the node's VM runs. */
function slotOf(config: StackConfig, resources: StateResource[], node: string): Slot {
  const running = runningOf(resources);
  if (running === undefined)
    throw new CommandError(
      `${node}: nothing to abort. Expected a VM in the stack's state, found none. Go on with: prox-ops roll`,
      ExitCode.open,
    );
  const { talos, kubernetes } = running;
  // The slots may differ in Kubernetes alone.
  const slot = (['a', 'b'] as const).find((name) => {
    const release = config.releases[name];
    return release?.talos === talos && (kubernetes === undefined || release.kubernetes === kubernetes);
  });
  if (slot !== undefined) return slot;
  throw new CommandError(
    `${node}: cannot be put back. Expected its release ${talos} in slot a or b of the stack file, found it in ` +
      `neither. Put it back there, then: prox-ops abort ${node}`,
    ExitCode.open,
  );
}
