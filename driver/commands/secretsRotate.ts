import { confirmed } from '../ask';
import { CommandError, ExitCode } from '../exit';
import { openStack } from '../project';
import { reconcile } from '../reconcile';
import { inSession, type Session } from '../session';
import { stackConfig } from '../stackFile';
import { agesOf } from '../talosSecrets/ages';
import { heldSecrets } from '../talosSecrets/held';
import { readToken, tokenName } from '../talosSecrets/proxmoxToken';
import { isCutOff, mustBeSettled, rotate, type Rotation } from '../talosSecrets/rotate';
import { rotationText } from '../talosSecrets/rotationView';
import { projectFrom, type RunOptions } from './options';
import { mustBeThere } from './secrets';

export interface RotateOptions extends RunOptions {
  yes?: boolean;
  /** File with a new Proxmox API token; `-`: standard input. */
  proxmoxToken?: string;
}

/** `prox-ops secrets rotate`: what can be made anew while the cluster runs. No machine is replaced or restarted for it. */
export async function secretsRotateCommand(options: RotateOptions): Promise<ExitCode> {
  const project = projectFrom(options);
  const stack = await openStack(project);
  const config = await stackConfig(stack);
  const held = mustBeThere(await heldSecrets(stack), stack.name);
  if (held.kubeconfigCertificate === undefined)
    throw new CommandError('The stack has no kubeconfig yet. Build the cluster first: prox-ops up', ExitCode.blocked);
  const file = options.proxmoxToken;
  const token = file === undefined ? undefined : await readToken(stack, config.proxmox.endpoint, file);
  const { name } = config.cluster;
  const what = ['the client certificates in talosconfig and kubeconfig', ...(token ? ['the Proxmox API token'] : [])];
  if (!(await confirmed(`Rotate ${what.join(' and ')} of ${name}?`, name, options.yes === true)))
    return ExitCode.interrupted;
  return inSession({ project, stack, command: 'secrets rotate', options: told(options) }, (session) =>
    rotated({ stack, config, held, token }, session, options),
  );
}

/** The event log names the options: a path of a file with a token is none of its business. */
function told({ proxmoxToken, ...rest }: RotateOptions): RotateOptions {
  return { ...rest, ...(proxmoxToken !== undefined && { proxmoxToken: 'given' }) };
}

async function rotated(rotation: Rotation, session: Session, { json }: RotateOptions): Promise<ExitCode> {
  const { stack, held, token } = rotation;
  await reconcile({ stack, ...session });
  const cutOff = await isCutOff(stack);
  await mustBeSettled(stack, cutOff);
  await rotate(rotation, cutOff, session);
  const after = mustBeThere(await heldSecrets(stack), stack.name);
  const former = token && token.from !== token.to ? tokenName(token.from) : undefined;
  const now = new Date();
  const { table, facts } = rotationText(agesOf(held, now), agesOf(after, now), former);
  for (const message of facts) session.log.emit({ type: 'progress', message });
  if (json !== true) await session.aside(() => Promise.resolve(process.stdout.write(`${table}\n`)));
  return ExitCode.ok;
}
