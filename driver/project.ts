import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { LocalWorkspace, Stack, StackNotFoundError } from '@pulumi/pulumi/automation';
import { engineCommand } from './engineCommand';
import { CommandError, ExitCode } from './exit';
import { unreadableState } from './unreadable';

/** A project's directory and the stack a command works on. */
export interface Project {
  directory: string;
  stackName: string;
  stackFile: string;
}

/** Finds the project from a directory upward. @throws CommandError when there is none, or no stack is named. */
export function findProject(from: string, stackName: string | undefined): Project {
  const project = projectFor(from, stackName);
  if (!existsSync(project.stackFile))
    throw new CommandError(
      `No stack file. Expected ${project.stackFile} for stack '${project.stackName}', found nothing there.`,
    );
  return project;
}

/** The same for a stack whose file need not be there yet. */
export function projectFor(from: string, stackName: string | undefined): Project {
  const directory = findDirectory(from);
  const name = stackName ?? process.env.PULUMI_STACK;
  if (name === undefined || name === '')
    throw new CommandError('No stack named. Expected --stack NAME or PULUMI_STACK, found neither.');
  const stackFile = join(directory, `Pulumi.${name}.yaml`);
  return { directory, stackName: name, stackFile };
}

/** The project's directory, from a directory upward. @throws CommandError when there is none. */
export function findDirectory(start: string): string {
  const from = resolve(start);
  for (let directory = from; ; directory = dirname(directory)) {
    if (existsSync(join(directory, 'Pulumi.yaml'))) return directory;
    if (dirname(directory) === directory)
      throw new CommandError(`No project. Expected a Pulumi.yaml in ${from} or above it, found none. Use --cwd.`);
  }
}

/** Opens the stack; with `create`, makes it when the state knows none of that name. */
export async function openStack(project: Project, create = false): Promise<Stack> {
  // The dynamic-provider host resolves modules from the update's working directory, so it must be the project's.
  const workspace = await LocalWorkspace.create({
    workDir: project.directory,
    pulumiCommand: await engineCommand(),
  });
  try {
    return await (create
      ? Stack.createOrSelect(project.stackName, workspace)
      : Stack.select(project.stackName, workspace));
  } catch (error) {
    if (error instanceof StackNotFoundError)
      throw new CommandError(`Stack '${project.stackName}' has no state yet. Build the cluster first: prox-ops up`);
    throw unreadableState(project.stackName, error, ExitCode.blocked);
  }
}
