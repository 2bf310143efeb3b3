import { spawn } from 'node:child_process';
import { EXTRA_TOOL_NAMES, type AnyToolName, TOOL_NAMES } from './catalog';
import { ensureTools } from './ensure';
import { printProgress } from './progress';

/** `node lab/dist/tools/run.js TOOL ARGS`: runs a program of the catalog, which is made first where it is missing. */
async function main([name = '', ...args]: string[]): Promise<number> {
  const known: readonly string[] = [...TOOL_NAMES, ...EXTRA_TOOL_NAMES];
  if (!known.includes(name)) throw new Error(`expected one of ${known.join(', ')}, found '${name}'`);
  const tool = name as AnyToolName;
  const { [tool]: file } = await ensureTools([tool], { progress: printProgress() });
  const child = spawn(file, args, { stdio: 'inherit' });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => resolve(code ?? 1));
  });
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  },
);
