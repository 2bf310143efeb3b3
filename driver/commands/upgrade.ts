import { CommandError, type ExitCode } from '../exit';
import { rollCommand, type RollCommandOptions } from './roll';

export interface UpgradeCommandOptions extends Omit<RollCommandOptions, 'nodes' | 'strategy'> {
  all?: boolean;
}

/** `prox-ops upgrade NODE...|--all`: the release of the stack file, installed on machines that keep their VM. */
export async function upgradeCommand(names: string[], { all, ...options }: UpgradeCommandOptions): Promise<ExitCode> {
  if (names.length > 0 === (all === true))
    throw new CommandError(
      `Expected either nodes or --all, found ${names.length > 0 ? 'both' : 'neither'}. Which there are: prox-ops plan`,
    );
  return rollCommand({ ...options, strategy: 'in-place', ...(names.length > 0 && { nodes: names }) }, 'upgrade');
}
