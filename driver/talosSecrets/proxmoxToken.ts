import { readFile } from 'node:fs/promises';
import { ProxmoxClient } from '@prox-ops/operations';
import type { Stack } from '@pulumi/pulumi/automation';
import { CommandError, ExitCode } from '../exit';
import { runPulumi } from '../pulumiCli';
import { decryptedConfig } from '../runSecrets';
import { secrets } from '../secrets';

const KEY = 'prox-ops:proxmoxToken';
const FORM = /^[^@!=\s]+@[^@!=\s]+![^@!=\s]+=[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/;

/** Privileges by path. */
type Permissions = Record<string, Record<string, number> | undefined>;

/** A Proxmox API token that is to take the place of the stack's. */
export interface TokenChange {
  from: string;
  to: string;
}

/**
 * Reads the new token and proves that it can do all that the present one can. Changes nothing.
 * @throws CommandError naming what is wrong; the tokens are not told.
 */
export async function readToken(stack: Stack, endpoint: string, file: string): Promise<TokenChange> {
  const to = (await text(file)).trim();
  secrets.addToken(to);
  if (!FORM.test(to)) throw refused(`${file}: expected USER@REALM!ID=UUID, found another form`);
  const from = (await decryptedConfig(stack))[KEY]?.value;
  if (from === undefined)
    throw refused(
      `--proxmox-token: expected the present token in the stack's secrets (${KEY}), found it in PROXMOX_VE_API_TOKEN ` +
        'alone: put the new one there, then: prox-ops up',
    );
  secrets.addToken(from);
  // Given again after an interrupt.
  if (from === to) return { from, to };
  const [before, after] = await Promise.all([permissionsOf(endpoint, from), permissionsOf(endpoint, to)]);
  const missing = lacking(before, after);
  if (missing.length > 0)
    throw refused(
      `${file}: expected a token that may do what the present one may, found it without ${missing.join(', ')}`,
    );
  return { from, to };
}

/** Puts it into the stack file, encrypted. The Automation API would name it on a command line. */
export async function setToken({ name, workspace }: Stack, token: string): Promise<void> {
  const environment = { ...process.env, ...workspace.envVars };
  await runPulumi(['config', 'set', KEY, '--secret', '--stack', name], workspace.workDir, environment, token);
}

/** The part of a token that is a name. */
export function tokenName(token: string): string {
  return token.slice(0, token.indexOf('='));
}

async function text(file: string): Promise<string> {
  try {
    return await readFile(file === '-' ? '/dev/stdin' : file, 'utf8');
  } catch (error) {
    throw refused(`${file}: expected a file with the new token, found: ${(error as Error).message}`);
  }
}

async function permissionsOf(endpoint: string, token: string): Promise<Permissions> {
  try {
    return await new ProxmoxClient(endpoint, token).get<Permissions>('/access/permissions');
  } catch (error) {
    throw refused(`Expected Proxmox to answer the token ${tokenName(token)}, found: ${(error as Error).message}`);
  }
}

/** `path privilege` of each that the other one does not have. */
export function lacking(before: Permissions, after: Permissions): string[] {
  return Object.entries(before).flatMap(([path, privileges = {}]) =>
    Object.keys(privileges)
      .filter((name) => after[path]?.[name] === undefined)
      .map((name) => `${path} ${name}`),
  );
}

function refused(message: string): CommandError {
  return new CommandError(`${message}. Nothing was changed.`, ExitCode.blocked);
}
