import { EXIT, LabError } from '../daemon/errors.js';
import type { LabOptions } from '../daemon/lab.js';
import { alreadyRunning, commandFor, labState } from '../daemon/record.js';
import { ensureTools, printProgress, TOOL_NAMES } from '../tools/index.js';
import { LabNetwork } from '../world/network.js';
import { projectDirectory, type Output, type Target } from './context.js';
import { nodeNames } from './stack-file.js';
import { startDaemon } from './start-daemon.js';

export interface UpOptions {
  base: number;
  durations: 'fastest' | 'realistic';
  stackFile?: string;
  foreground?: boolean;
}

/** Brings the lab up, in a process of its own or in this one. */
export async function up(target: Target, options: UpOptions, { out, err }: Output): Promise<number> {
  const labOptions = await prepare(target, options);
  if (options.foreground) return foreground(labOptions, { out, err });
  await startDaemon(labOptions, target.directory);
  out(upText(labOptions));
  return EXIT.done;
}

/** Everything that can be found wrong before anything is started. The tools are built where they are missing. */
export async function prepare({ name, directory }: Target, options: UpOptions): Promise<LabOptions> {
  const found = labState(directory);
  if (found.state === 'running') throw alreadyRunning(found.record);
  const nodes = nodeNames(projectDirectory(), options.stackFile);
  const { base } = new LabNetwork(options.base);
  const tools = await ensureTools(TOOL_NAMES, { progress: printProgress() });
  return { name, directory: directory.path, base, durations: options.durations, nodes, tools };
}

async function foreground(options: LabOptions, { out }: Output): Promise<number> {
  const stopping = new AbortController();
  const stop = (): void => stopping.abort(new LabError('stopped before the lab was up'));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, stop);
  // Only here, since it loads the whole lab; the other commands answer sooner without.
  const { startLab } = await import('../daemon/lab.js');
  const lab = await startLab(options, stopping.signal);
  out(`${upText(options)}\nCtrl-C stops it.`);
  if (!stopping.signal.aborted) {
    await new Promise((resolve) => stopping.signal.addEventListener('abort', resolve, { once: true }));
  }
  await lab.close();
  return EXIT.done;
}

function upText({ name, base, directory }: LabOptions): string {
  return [
    `lab '${name}' is up on 127.${base}.0.0/16; its files are in ${directory}`,
    `Set your shell up:  eval "$(${commandFor('env', name)})"`,
    `Build the cluster:  npx prox-ops up`,
    `Stop the lab:       ${commandFor('down', name)}`,
  ].join('\n');
}
