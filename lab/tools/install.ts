import { copyFile, chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { EXTRA_TOOL_NAMES, type AnyToolName, TOOL_NAMES } from './catalog';
import { ensureTools } from './ensure';
import { printProgress } from './progress';

/** `node lab/dist/tools/install.js DIRECTORY TOOL...`: puts programs of the catalog into a directory. */
async function main([directory = '', ...names]: string[]): Promise<void> {
  const known: readonly string[] = [...TOOL_NAMES, ...EXTRA_TOOL_NAMES];
  const unknown = names.filter((name) => !known.includes(name));
  if (directory === '' || names.length === 0 || unknown.length > 0)
    throw new Error(
      `expected DIRECTORY and programs of ${known.join(', ')}, found '${[directory, ...names].join(' ')}'`,
    );
  const files = await ensureTools(names as AnyToolName[], { progress: printProgress() });
  for (const [name, file] of Object.entries(files)) {
    const target = join(directory, name);
    await copyFile(file, target);
    await chmod(target, 0o755);
  }
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
