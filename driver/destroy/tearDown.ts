import { ProxmoxClient, ProxmoxError, type ProxmoxSite } from '@prox-ops/operations';
import type { Stack } from '@pulumi/pulumi/automation';
import { planCluster } from '../../config/plan';
import type { StackConfig } from '../../config/schema';
import { proxmoxToken } from '../access';
import { plain, type StateEntry } from '../adopt/deployment';
import { SECRETS_TYPE } from '../adopt/stateEntries';
import { destroy, withLock } from '../engine';
import { CommandError, ExitCode } from '../exit';
import { reconcile } from '../reconcile';
import type { RunNode } from '../runLog';
import type { Session } from '../session';
import { readState } from '../state';
import { stateEntries } from '../talosSecrets/held';
import { machinesOf, type Machine } from './machines';
import { ManyNodes } from './progress';
import { scopeOf, type Scope } from './scope';
import { importState } from '../pulumiCli';

export interface TearDown {
  machines: Machine[];
  scope: Scope;
  /** Hosts that do not answer: what is on them stays. */
  silent: string[];
}

/**
 * What a tear-down would meet. Reads only.
 * @throws CommandError when Proxmox does not answer at all, or another machine has a VM's id.
 */
export async function lookAhead(stack: Stack, config: StackConfig): Promise<TearDown> {
  const resources = await stateEntries(stack);
  const proxmox = new ProxmoxClient(config.proxmox.endpoint, await proxmoxToken(stack));
  const site = await siteOf(proxmox);
  const machines = await machinesOf(resources, proxmox, site);
  refuseForeign(machines);
  const silent = config.proxmox.hosts
    .map(({ name }) => name)
    .filter((name) => !site.hosts.some((host) => host.name === name && host.online));
  return { machines, silent, scope: scopeOf(resources, (resource) => staysBecause(resource, machines, silent)) };
}

async function siteOf(proxmox: ProxmoxClient): Promise<ProxmoxSite> {
  try {
    return await proxmox.site();
  } catch (error) {
    if (!(error instanceof ProxmoxError)) throw error;
    throw new CommandError(
      `Proxmox does not answer, and no VM can go without it. Nothing was changed.\n${error.message}`,
      ExitCode.blocked,
    );
  }
}

function refuseForeign(machines: Machine[]): void {
  const foreign = machines.filter(({ found }) => found === 'foreign');
  if (foreign.length === 0) return;
  const lines = foreign.map(({ vmId, evidence }) => `  VM ${vmId}: ${evidence}`);
  throw new CommandError(
    ["Another machine has the id of one of the stack's VMs. Nothing was changed.", ...lines].join('\n'),
    ExitCode.blocked,
  );
}

/** The Talos secrets, whatever somebody has protected, and what is where nobody answers. */
function staysBecause(resource: StateEntry, machines: Machine[], silent: string[]): string | undefined {
  if (resource.type === SECRETS_TYPE) return 'the Talos secrets';
  if (resource.protect === true) return 'it is protected';
  const machine = machines.find(({ urn }) => urn === resource.urn);
  if (machine?.found === 'unknown' || machine?.found === 'moved') return machine.evidence;
  // Without a host to ask, a provider would fail to delete an image or a template there, and stop everything else.
  const { nodeName } = plain(resource.inputs ?? {}) as { nodeName?: unknown };
  const onSilentHost = resource.type.startsWith('proxmoxve:') && silent.includes(String(nodeName));
  return onSilentHost ? `${String(nodeName)} does not answer` : undefined;
}

/**
 * Deletes what `lookAhead` found to go, and nothing else. Safe to repeat: it looks again first.
 * @throws UpdateError when a step fails; running it again goes on there.
 */
export async function tearDown(stack: Stack, config: StackConfig, session: Session): Promise<TearDown> {
  const say = (what: string) => {
    session.log.emit({ type: 'run.reconciled', what });
  };
  const first = await lookAhead(stack, config);
  if (first.silent.length === 0) await reconcile({ stack, log: session.log, signal: session.signal });
  await forgetGone(stack, first.machines, say);
  const ahead = await lookAhead(stack, config);
  if (ahead.scope.goes.length === 0) return ahead;
  const progress = new ManyNodes(session.log, runNodes(config), 'delete VM');
  await destroy(
    stack,
    {
      targets: ahead.scope.goes,
      environment: { PROX_OPS_TEARDOWN: config.cluster.name, PROX_OPS_RUN_ID: session.runId },
      onEvent: (event) => {
        progress.add(event);
      },
      signal: session.signal,
      message: 'prox-ops destroy',
    },
    say,
  );
  return ahead;
}

/** The provider fails to delete a VM that is not there: the state is told that it went. */
async function forgetGone(stack: Stack, machines: Machine[], say: (what: string) => void): Promise<void> {
  const gone = machines.filter(({ found }) => found === 'gone');
  if (gone.length === 0) return;
  const state = await readState(stack, ExitCode.blocked);
  for (const { urn } of gone) state.markDeleted(urn);
  await withLock(stack, say, async () => {
    await importState(stack, { ...state.withoutPending(), version: state.version });
  });
  for (const { vmId, name, evidence } of gone) say(`VM ${vmId} (${name}) is gone already: ${evidence}`);
}

/** The nodes of a run that ends with none of them. */
export function runNodes(config: StackConfig): RunNode[] {
  return planCluster(config).nodes.map(({ name, role, release }) => ({
    name,
    role,
    from: release.talos,
    to: 'destroyed',
  }));
}
