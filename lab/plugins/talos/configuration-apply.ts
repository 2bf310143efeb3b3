import { createHash } from 'node:crypto';
import { PlannedResource } from '../protocol/planned-resource.js';
import type { PlannedFrom } from '../protocol/planned-resource.js';
import type { CheckCall, Checked, DeleteCall, State } from '../protocol/provider.js';
import { checkInputs } from '../protocol/check.js';
import { flag, member, text, texts } from '../protocol/read-value.js';
import { list, string } from '../protocol/schema.js';
import type { Deadline } from '../protocol/timing.js';
import { containsUnknown, UNKNOWN, Unknown } from '../protocol/values.js';
import type { PropertyMap } from '../protocol/values.js';
import { patchConfiguration } from './configuration.js';
import { deadlineOf } from './durations.js';
import { onMachine, untilDeadline } from './machine-api.js';
import type { Target } from './machine-api.js';
import { resetMachine } from './reset.js';
import { clientConfiguration, onDestroy, timeouts } from './schemas.js';
import type { Talosctl } from './talosctl.js';

const MODES = ['auto', 'reboot', 'no_reboot', 'staged', 'staged_if_needing_reboot'];

/**
 * talos:machine/configurationApply:ConfigurationApply. No change ever replaces it, a read never sees drift, and what
 * is applied is always the whole configuration. It returns with the call, before any reboot or install.
 */
export class ConfigurationApplyResource extends PlannedResource {
  constructor(private readonly talosctl: Talosctl) {
    super({
      node: string({ required: true }),
      endpoint: string({ computed: true }),
      clientConfiguration: clientConfiguration({ required: true }),
      machineConfigurationInput: string({ required: true, secret: true }),
      configPatches: list(string()),
      applyMode: string({ default: 'auto', oneOf: MODES }),
      onDestroy,
      timeouts: timeouts('create', 'update', 'delete'),
      machineConfiguration: string({ outputOnly: true, secret: true }),
      machineConfigurationHash: string({ outputOnly: true }),
      resolvedApplyMode: string({ outputOnly: true }),
    });
  }

  override check(call: CheckCall): Checked {
    const checked = checkInputs(this.schema, call.news);
    for (const failure of checked.failures) {
      if (failure.property.endsWith('Wo')) failure.reason = "write-only inputs are not supported by the lab's plugin";
    }
    return checked;
  }

  protected override async refine(planned: PropertyMap, { inputs, state }: PlannedFrom): Promise<PropertyMap> {
    const refined = { ...planned, endpoint: inputs['endpoint'] ?? planned['node'] };
    const [input, patches] = [planned['machineConfigurationInput'], planned['configPatches']];
    if (input instanceof Unknown || containsUnknown(patches)) {
      return { ...refined, machineConfiguration: UNKNOWN, machineConfigurationHash: UNKNOWN };
    }
    const config = await patchConfiguration(this.talosctl, text(input), texts(patches)).catch((error: Error) => {
      throw new Error(`Error applying config patches: ${error.message}`);
    });
    const resolved = await this.resolveMode(refined, config, state);
    const hash = createHash('sha256').update(config).digest('hex');
    return { ...refined, machineConfiguration: config, machineConfigurationHash: hash, resolvedApplyMode: resolved };
  }

  protected async make(planned: PropertyMap): Promise<State> {
    await apply(planned, deadlineOf(planned['timeouts'], 'create'));
    return { id: 'machine_configuration_apply', properties: planned };
  }

  protected async change(planned: PropertyMap): Promise<PropertyMap> {
    await apply(planned, deadlineOf(planned['timeouts'], 'update'));
    return planned;
  }

  /** A no-op unless the state, not the program, says reset. A node that is down fails it at once. */
  override async delete(call: DeleteCall): Promise<void> {
    const { properties } = call;
    const wish = member(properties['onDestroy']);
    if (!flag(wish?.['reset'])) return;
    const deadline = deadlineOf(properties['timeouts'], 'delete');
    const options = { graceful: wish?.['graceful'] !== false, reboot: flag(wish?.['reboot']) };
    await resetMachine(targetOf(properties), options, deadline).catch((error: Error) => {
      throw new Error(`Error resetting machine: ${error.message}`);
    });
  }

  /** `staged_if_needing_reboot` asks the node itself, in a preview, too. */
  private async resolveMode(planned: PropertyMap, config: string, state: PropertyMap | undefined): Promise<string> {
    const mode = text(planned['applyMode']);
    if (mode !== 'staged_if_needing_reboot') return mode;
    if (!state) return 'auto';
    if (text(state['machineConfiguration']) === config) return text(state['resolvedApplyMode']);
    const deadline = deadlineOf(planned['timeouts'], 'update');
    const reply = await onMachine(targetOf(planned), deadline, (machine) =>
      machine.unary<ApplyReply>('machine', 'ApplyConfiguration', {
        data: Buffer.from(config),
        mode: 'AUTO',
        dry_run: true,
      }),
    );
    return reply.messages[0]?.mode === 'REBOOT' ? 'staged' : 'auto';
  }
}

interface ApplyReply {
  messages: { mode: string }[];
}

async function apply(planned: PropertyMap, deadline: Deadline): Promise<void> {
  const data = Buffer.from(text(planned['machineConfiguration']));
  const mode = (text(planned['resolvedApplyMode']) || text(planned['applyMode'])).toUpperCase();
  try {
    await untilDeadline(deadline, () =>
      onMachine(targetOf(planned), deadline, (machine) =>
        machine.unary('machine', 'ApplyConfiguration', { data, mode }),
      ),
    );
  } catch (error) {
    throw new Error(`Error applying configuration: ${(error as Error).message}`);
  }
}

export function targetOf(properties: PropertyMap): Target {
  const node = text(properties['node']);
  return {
    node,
    endpoint: text(properties['endpoint']) || node,
    clientConfiguration: properties['clientConfiguration'],
  };
}
