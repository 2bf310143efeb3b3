import { ExitCode } from '../exit';
import { setRelease } from '../stackFile';
import { projectFrom, type CommonOptions } from './options';

export interface ReleaseCommandOptions extends CommonOptions {
  kubernetes?: string;
}

/** `prox-ops release v1.12.4`: the new release goes into the inactive slot, which becomes active. Changes the stack file only. */
export async function releaseCommand(talos: string, options: ReleaseCommandOptions): Promise<ExitCode> {
  const project = projectFrom(options);
  const release = { talos, ...(options.kubernetes !== undefined && { kubernetes: options.kubernetes }) };
  const slot = await setRelease(project.stackFile, release);
  process.stdout.write(`${project.stackFile}: Talos ${talos} is in slot ${slot}, which is active.\n`);
  process.stdout.write('See what changes with: prox-ops plan. Replace the nodes with: prox-ops roll\n');
  return ExitCode.ok;
}
