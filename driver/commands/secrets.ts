import { resolve } from 'node:path';
import Table from 'cli-table3';
import { CommandError, ExitCode } from '../exit';
import { openStack } from '../project';
import { inSession } from '../session';
import { stackConfig } from '../stackFile';
import { agesOf, ROTATION_DAYS, type SecretAge } from '../talosSecrets/ages';
import { fingerprint } from '../talosSecrets/bundle';
import { mustBeSame, readCopy, readIdentities, writeCopy } from '../talosSecrets/copy';
import { heldSecrets, type HeldSecrets } from '../talosSecrets/held';
import { importSecrets } from '../talosSecrets/importing';
import { projectFrom, type CommonOptions, type RunOptions } from './options';

export interface ExportOptions extends RunOptions {
  recipient?: string[];
}

export interface ImportOptions extends RunOptions {
  identity?: string;
}

/** `prox-ops secrets`: which there are, how old, and how each is made anew. Never tells one. */
export async function secretsCommand(options: CommonOptions): Promise<ExitCode> {
  const stack = await openStack(projectFrom(options));
  const held = mustBeThere(await heldSecrets(stack), stack.name);
  const ages = agesOf(held, new Date());
  const json = () =>
    JSON.stringify({ authority: fingerprint(held.bundle), rotationDays: ROTATION_DAYS, ages }, null, 2);
  process.stdout.write(`${options.json === true ? json() : agesText(held, ages)}\n`);
  return ExitCode.ok;
}

/** `prox-ops secrets export FILE`: a copy to be kept outside, read back before it counts. */
export async function secretsExportCommand(file: string, options: ExportOptions): Promise<ExitCode> {
  const project = projectFrom(options);
  const stack = await openStack(project);
  const { cluster } = await stackConfig(stack);
  return inSession({ project, stack, command: 'secrets export', arguments: [file], options }, async ({ log }) => {
    const held = mustBeThere(await heldSecrets(stack), stack.name);
    const path = resolve(file);
    await writeCopy(held.bundle, cluster.name, { file: path, recipients: options.recipient ?? [] });
    log.emit({ type: 'progress', message: copyText(path, options.recipient ?? [], held) });
    return ExitCode.ok;
  });
}

/** `prox-ops secrets check FILE`: whether a copy is whole and of this cluster. Changes nothing. */
export async function secretsCheckCommand(file: string, options: ImportOptions): Promise<ExitCode> {
  const stack = await openStack(projectFrom(options));
  const held = mustBeThere(await heldSecrets(stack), stack.name);
  mustBeSame(file, await copyFrom(file, options), held.bundle);
  process.stdout.write(`${file}: whole, and the secrets of this stack (OS authority ${fingerprint(held.bundle)}).\n`);
  return ExitCode.ok;
}

/** `prox-ops secrets import FILE`: for a stack whose state lost them. One that has others is left as it is. */
export async function secretsImportCommand(file: string, options: ImportOptions): Promise<ExitCode> {
  const project = projectFrom(options);
  // Before a stack is made: a copy that is of no use changes nothing at all.
  const copy = await copyFrom(file, options);
  const stack = await openStack(project, true);
  return inSession({ project, stack, command: 'secrets import', arguments: [file], options }, async ({ log }) => {
    const before = await heldSecrets(stack);
    if (before) {
      mustBeSame(file, copy, before.bundle);
      log.emit({ type: 'progress', message: "the stack's state has these secrets already: nothing to do" });
      return ExitCode.ok;
    }
    await importSecrets(stack, copy, (what) => {
      log.emit({ type: 'run.reconciled', what });
    });
    mustBeSame(file, copy, mustBeThere(await heldSecrets(stack), stack.name).bundle);
    log.emit({
      type: 'progress',
      message: `imported: OS authority ${fingerprint(copy)}. Go on with: prox-ops rebuild`,
    });
    return ExitCode.ok;
  });
}

/** @throws CommandError with what to do when the state has no Talos secrets. */
export function mustBeThere(held: HeldSecrets | undefined, stack: string): HeldSecrets {
  if (held) return held;
  throw new CommandError(
    `Expected the Talos secrets in the state of stack '${stack}', found none. With a copy of them: ` +
      'prox-ops secrets import FILE. A new cluster makes its own: prox-ops up',
    ExitCode.blocked,
  );
}

async function copyFrom(file: string, { identity }: ImportOptions) {
  return readCopy(resolve(file), identity === undefined ? [] : await readIdentities(identity));
}

function copyText(file: string, recipients: string[], held: HeldSecrets): string {
  const how = recipients.length === 0 ? 'in plain text, mode 0600' : `encrypted for ${recipients.join(', ')}`;
  return `Talos secrets (OS authority ${fingerprint(held.bundle)}) written to ${file}, ${how}; read back and compared`;
}

export function agesText(held: HeldSecrets, ages: SecretAge[]): string {
  const table = new Table({
    head: ['secret', 'days old', 'expires', '', 'made anew by'],
    style: { head: [], border: [], compact: true },
  });
  for (const { name, days, expires, due, rotation } of ages)
    table.push([name, days ?? 'unknown', expires?.toISOString().slice(0, 10) ?? '', due ? 'due' : '', rotation]);
  const due = ages.filter((age) => age.due).length;
  const rule = `${due === 0 ? 'Nothing' : `${due} of ${ages.length}`} due by the rule of ${ROTATION_DAYS} days.`;
  const guard = held.protected ? 'Protected in the state.' : 'NOT protected in the state.';
  return `${table.toString()}\n${rule} ${guard} OS authority ${fingerprint(held.bundle)}.`;
}
