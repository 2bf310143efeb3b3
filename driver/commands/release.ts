import { ExitCode } from '../exit';
import { knownPins } from '../pins';
import { setRelease } from '../stackFile';
import { projectFrom, type CommonOptions } from './options';

export interface ReleaseCommandOptions extends CommonOptions {
  kubernetes?: string;
}

/**
 * `prox-ops release [v1.12.4]`: the new release goes into the inactive slot, which becomes active; without one the pinned
 * release does. Changes the stack file only.
 */
export async function releaseCommand(talos: string | undefined, options: ReleaseCommandOptions): Promise<ExitCode> {
  const project = projectFrom(options);
  const release = talos === undefined ? knownPins().release : { talos };
  const { kubernetes } = options;
  const slot = await setRelease(project.stackFile, { ...release, ...(kubernetes !== undefined && { kubernetes }) });
  process.stdout.write(`${project.stackFile}: Talos ${release.talos} is in slot ${slot}, which is active.\n`);
  process.stdout.write('See what changes with: prox-ops plan. Replace the nodes with: prox-ops roll\n');
  return ExitCode.ok;
}
