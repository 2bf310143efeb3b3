import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The real validator refused a machine configuration; the message is its own. */
export class ConfigurationRefused extends Error {}

/**
 * Has the real talosctl check a machine configuration, in the mode in which the nocloud platform runs.
 * @param directory where the text lies for as long as the check takes (file of mode 0600 in a directory of its own).
 * @returns the validator's warnings. @throws ConfigurationRefused with the validator's message.
 */
export async function validateConfiguration(
  talosctl: string,
  text: Buffer,
  directory: string,
  signal: AbortSignal,
): Promise<string[]> {
  const own = await mkdtemp(join(directory, 'validate-'));
  const file = join(own, 'machine.yaml');
  try {
    await writeFile(file, text, { mode: 0o600 });
    const { stderr } = await run(talosctl, ['validate', '--mode', 'cloud', '--config', file], { signal });
    return stderr
      .split('\n')
      .filter((line) => line.startsWith('WARNING: '))
      .map((line) => line.slice('WARNING: '.length).trim());
  } catch (error) {
    const { stderr, name } = error as Error & { stderr?: string };
    if (name === 'AbortError' || stderr === undefined) throw error;
    throw new ConfigurationRefused(stderr.trim().replaceAll(own, ''));
  } finally {
    await rm(own, { recursive: true, force: true });
  }
}
