import type { Node } from '../clients/kubernetesObjects.js';
import { holds } from '../clients/kubernetesObjects.js';
import { KubernetesUnreachable } from '../clients/kubernetes.js';
import { TalosError } from '../clients/talos.js';
import { UnexpectedOutput } from '../clients/talosOutput.js';
import { messageOf, Stop } from '../runtime/errors.js';
import { WaitTimeout, type Look } from '../runtime/waiting.js';
import { schematicOf } from '../running.js';
import { waitFor, watching, type Step } from '../step.js';
import { readNode } from './cordon.js';
import { withdraw } from './outOfService.js';
import { fenced } from './turn.js';

/**
 * A machine that was just given its configuration is in maintenance mode for another moment. Milliseconds after which
 * it is not going to leave it.
 */
const LEAVES_MAINTENANCE = 10_000;
/** Longest gap between looks, in milliseconds. The machine API's own watch breaks with every reboot of the machine. */
const LOOK_EVERY = 2_000;

/**
 * Waits until the node runs the release: Talos running with version and schematic, node Ready with the kubelet's version.
 * A stall is rebooted through Talos, when the node is ours to change. @throws Stop with what still was missing.
 */
export async function joinReady(step: Step, owed: boolean): Promise<Record<string, string>> {
  const { nodeReadyTimeout, maxRemediations } = step.settings;
  const reboots = owed ? maxRemediations : 0;
  const machine = new JoiningMachine(step, owed);
  // Of Talos the watched Node object tells nothing.
  const options = { every: LOOK_EVERY, watch: [watchNode(step)], watchTellsAll: false };
  for (let slice = 0; ; slice++) {
    try {
      // A stall shows as time without becoming Ready; each reboot gets an equal share of all the time there is.
      const timeout = nodeReadyTimeout / (reboots + 1);
      return await waitFor(step, { ...options, timeout, look: () => machine.look() });
    } catch (error) {
      if (!(error instanceof WaitTimeout)) throw error;
      if (slice === reboots) throw stalled(step, error.waiting, slice);
      await remediate(step, machine, error.waiting, slice + 1);
    }
  }
}

function watchNode(step: Step): ReturnType<typeof watching> {
  return watching(step, '/api/v1/nodes', { fieldSelector: `metadata.name=${step.node.name}` });
}

function stalled(step: Step, waiting: string, reboots: number): Stop {
  const expected = `${step.node.name} Ready within ${step.settings.nodeReadyTimeout} s (nodeReadyTimeout)`;
  return new Stop(
    expected,
    `${waiting}, after ${reboots} reboots`,
    'npx prox-ops rollback, or mend the node and npx prox-ops roll',
  );
}

async function remediate(step: Step, machine: JoiningMachine, waiting: string, count: number): Promise<void> {
  const { rebootMode, maxRemediations } = step.settings;
  if (!machine.reachable)
    return step.report(`stalled (${waiting}); its machine API does not answer, so it cannot be rebooted through Talos`);
  step.report(`stalled (${waiting}): reboot ${count} of ${maxRemediations} through Talos, mode ${rebootMode}`);
  try {
    await fenced(step, () => step.session.talos.reboot(step.node.address, rebootMode));
  } catch (error) {
    if (!(error instanceof TalosError)) throw error;
    step.report(`the reboot was not accepted: ${messageOf(error)}`);
  }
}

class JoiningMachine {
  /** Whether the machine API answered at the last look. */
  reachable = false;
  private maintenanceSince: number | undefined;
  private verified = false;

  constructor(
    private readonly step: Step,
    private readonly owed: boolean,
  ) {}

  async look(): Promise<Look<Record<string, string>>> {
    try {
      const booting = await this.talos();
      if (booting !== undefined) return { waiting: booting };
      await this.verifyTalos();
      return await this.kubernetes();
    } catch (error) {
      // A machine that boots comes and goes, and so does the API's address while a control plane joins.
      if (error instanceof TalosError || error instanceof UnexpectedOutput || error instanceof KubernetesUnreachable) {
        return { waiting: messageOf(error) };
      }
      throw error;
    }
  }

  /** @returns what Talos still lacks; undefined when it runs. */
  private async talos(): Promise<string | undefined> {
    const { talos } = this.step.session;
    try {
      const { stage, ready, unmet } = await talos.machineStatus(this.step.node.address);
      this.reachable = true;
      if (stage === 'maintenance') return this.inMaintenance();
      this.maintenanceSince = undefined;
      if (stage === 'running' && ready) return undefined;
      return `Talos is ${stage}${unmet.length > 0 ? ` (${unmet.join('; ')})` : ''}`;
    } catch (error) {
      if (!(error instanceof TalosError)) throw error;
      this.reachable = false;
      return error.trouble === 'foreign' ? this.asksForConfiguration(error) : `its machine API: ${error.message}`;
    }
  }

  /** A machine in maintenance mode has a certificate of its own making and wants no client certificate. */
  private async asksForConfiguration(error: TalosError): Promise<string> {
    try {
      const { stage } = await this.step.session.talos.maintenanceStatus(this.step.node.address);
      return stage === 'maintenance' ? this.inMaintenance() : `Talos is ${stage}`;
    } catch (trouble) {
      if (!(trouble instanceof TalosError)) throw trouble;
      this.maintenanceSince = undefined;
      return `its machine API: ${error.message}`;
    }
  }

  private inMaintenance(): string {
    const now = this.step.ctx.clock.now();
    this.maintenanceSince ??= now;
    if (now - this.maintenanceSince < LEAVES_MAINTENANCE) return 'Talos is in maintenance mode';
    const { address, name } = this.step.node;
    throw new Stop(
      `${name} to install itself with its configuration`,
      'Talos stays in maintenance mode: it has no configuration, or refused it',
      `look at its console; apply the configuration by hand (talosctl apply-config --insecure -n ${address} -f FILE), ` +
        'or npx prox-ops rollback; then npx prox-ops roll',
    );
  }

  /** What runs will not change by waiting: another version or schematic is an error at once. */
  private async verifyTalos(): Promise<void> {
    const { release } = this.step.inputs;
    if (this.verified || !release) return;
    const { talos } = this.step.session;
    const { address } = this.step.node;
    const [version, extensions] = await Promise.all([talos.version(address), talos.extensions(address)]);
    if (version !== release.talos) throw new Stop(`Talos ${release.talos}`, `Talos ${version}`);
    const schematic = schematicOf(extensions) ?? '(none)';
    if (schematic !== release.schematic) throw new Stop(`the schematic ${release.schematic}`, schematic);
    this.verified = true;
    this.step.report(`Talos ${version} runs`);
  }

  private async kubernetes(): Promise<Look<Record<string, string>>> {
    const { node, inputs, session } = this.step;
    const found = await readNode(this.step);
    if (!found) return { waiting: 'its kubelet to register the node' };
    // The Node object outlives its machine: until the new kubelet has written to it, it tells of the old one.
    const bootId = await session.talos.bootId(node.address);
    const info = found.status?.nodeInfo;
    if (info === undefined || info.bootID !== bootId) return { waiting: 'its new kubelet to report' };
    if (info.systemUUID.toLowerCase() !== node.uuid.toLowerCase()) {
      throw new Stop(`node ${node.name} on the machine ${node.uuid}`, `it runs on ${info.systemUUID}`);
    }
    // A machine that is back in service gets its pods, the satellite of its storage among them.
    if (this.owed) await withdraw(this.step, found);
    const wanted = inputs.release?.kubernetes;
    if (wanted !== undefined && info.kubeletVersion !== wanted)
      throw new Stop(`kubelet ${wanted}`, `kubelet ${info.kubeletVersion}`);
    if (!holds(found, 'Ready')) return { waiting: `the node to be Ready${notReady(found)}` };
    this.step.report(`Ready, kubelet ${info.kubeletVersion}`);
    return { done: { talos: inputs.release?.talos ?? '', kubelet: info.kubeletVersion } };
  }
}

function notReady(node: Node): string {
  const message = node.status?.conditions?.find(({ type }) => type === 'Ready')?.message;
  return message ? ` (${message})` : '';
}
