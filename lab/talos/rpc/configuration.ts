import { describeChange, whyReboot } from '../configuration-changes.js';
import { MachineConfiguration } from '../configuration.js';
import { atLeast } from '../factory/version.js';
import type { Boot } from '../boot.js';
import type { Guest } from '../guest.js';
import { reboot } from '../sequences.js';
import { ConfigurationRefused, validateConfiguration } from '../validation.js';
import type { CallContext, Methods } from './call.js';
import { ADMIN } from './roles.js';
import { invalidArgument, permissionDenied, unimplemented } from './status.js';

type Mode = 'REBOOT' | 'AUTO' | 'NO_REBOOT' | 'STAGED' | 'TRY';

interface ApplyRequest {
  data: Buffer;
  mode: Mode;
  dry_run: boolean;
  try_mode_timeout: { seconds: string } | null;
}

/** What happens with a configuration, and how Talos puts it. */
interface Decision {
  mode: Exclude<Mode, 'AUTO'>;
  details: string;
}

const DETAILS = {
  REBOOT: 'Applied configuration with a reboot',
  NO_REBOOT: 'Applied configuration without a reboot',
  TRY: 'Applied configuration without a reboot',
  STAGED: 'Staged configuration to be applied after the next reboot',
};
const TRY_SECONDS = 60;

export const configurationMethods: Methods = {
  unary: { '/machine.MachineService/ApplyConfiguration': apply },
  streaming: {},
};

async function apply(guest: Guest, request: ApplyRequest, { roles, signal }: CallContext): Promise<object> {
  const boot = guest.boot!;
  const current = boot.configuration;
  if (current && !roles.includes(ADMIN)) throw permissionDenied('not authorized');
  const warnings = await validate(boot, request.data, signal);
  const next = parse(request.data);
  const { mode, details } = current
    ? decide(boot, current, next, request.mode)
    : decideInMaintenance(boot, request.mode);
  if (request.dry_run) {
    const summary = `Dry run summary:\n${details} (skipped in dry-run).\n${describeChange(current, next)}`;
    return { messages: [{ mode, mode_details: summary }] };
  }
  const { fingerprint } = next;
  boot.fleet.world.events.emit({ type: 'talos.identity', node: next.hostname ?? guest.node, fingerprint });
  if (!current) putIntoMaintenance(boot, next);
  else await put(boot, next, mode, request);
  const note =
    mode === 'TRY'
      ? `\nThe config is applied in 'try' mode and will be automatically reverted back in ${trySeconds(request)}s`
      : '';
  return { messages: [{ mode, warnings, mode_details: details + note }] };
}

async function validate(boot: Boot, data: Buffer, signal: AbortSignal): Promise<string[]> {
  const { talosctl, world } = boot.fleet;
  try {
    return await validateConfiguration(talosctl, data, world.directory, signal);
  } catch (error) {
    throw error instanceof ConfigurationRefused ? invalidArgument(error.message) : error;
  }
}

function parse(data: Buffer): MachineConfiguration {
  const configuration = MachineConfiguration.parse(data.toString('utf8'));
  if (configuration) return configuration;
  throw invalidArgument(
    "the applied machine configuration doesn't contain v1alpha1 config, did you mean to patch the machine config instead?",
  );
}

function decideInMaintenance({ system }: Boot, asked: Mode): Decision {
  // Until 1.13 a server of its own answered in maintenance mode, which knew fewer modes.
  if (!atLeast(system.version, 1, 13) && (asked === 'NO_REBOOT' || asked === 'STAGED')) {
    const name = asked.toLowerCase().replaceAll('_', '-');
    throw unimplemented(`apply configuration --mode='${name}' is not supported in maintenance mode`);
  }
  const mode = asked === 'STAGED' || asked === 'TRY' ? asked : 'NO_REBOOT';
  return { mode, details: DETAILS[mode] };
}

function decide(boot: Boot, current: MachineConfiguration, next: MachineConfiguration, asked: Mode): Decision {
  // From 1.14 on no change makes a machine reboot by itself.
  const neverReboots = atLeast(boot.system.version, 1, 14);
  if (neverReboots && asked === 'REBOOT') throw unimplemented('reboot mode is not supported');
  const reason = neverReboots ? undefined : whyReboot(current, next);
  if ((asked === 'NO_REBOOT' || asked === 'TRY') && reason !== undefined) throw invalidArgument(reason);
  if (asked !== 'AUTO') return { mode: asked, details: DETAILS[asked] };
  if (reason === undefined) return { mode: 'NO_REBOOT', details: DETAILS.NO_REBOOT };
  return { mode: 'REBOOT', details: `${DETAILS.REBOOT}: ${reason}` };
}

/** The machine leaves maintenance mode with it, unless a fault keeps it there. */
function putIntoMaintenance(boot: Boot, next: MachineConfiguration): void {
  if (boot.fleet.world.faults.strikes('stays-in-maintenance', next.hostname ?? boot.guest.node)) return;
  boot.disk.configuration = next.text;
  boot.configure(next);
}

async function put(
  boot: Boot,
  next: MachineConfiguration,
  mode: Decision['mode'],
  request: ApplyRequest,
): Promise<void> {
  boot.cancelTry();
  if (mode !== 'TRY') boot.disk.configuration = next.text;
  if (mode === 'REBOOT') reboot(boot, { force: false });
  if (mode === 'TRY') boot.tryConfiguration(next, trySeconds(request) * 1000);
  if (mode === 'NO_REBOOT') await boot.reconfigure(next);
}

function trySeconds({ try_mode_timeout: timeout }: ApplyRequest): number {
  return timeout ? Number(timeout.seconds) : TRY_SECONDS;
}
