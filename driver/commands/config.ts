import { planCluster } from '../../config/plan';
import { ExitCode } from '../exit';
import { readStackFile } from '../stackFile';
import { projectFrom, type CommonOptions } from './options';

/** `prox-ops config check`: every problem of the stack file at once, without the engine. */
export async function configCheckCommand(options: CommonOptions): Promise<ExitCode> {
  const project = projectFrom(options);
  const plan = planCluster(await readStackFile(project.stackFile));
  process.stdout.write(
    `${project.stackFile}: ${plan.controlPlanes.length} control planes, ` +
      `${plan.nodes.length - plan.controlPlanes.length} workers, ${plan.templates.length} templates: no problem found.\n`,
  );
  return ExitCode.ok;
}
