import { stringify } from 'yaml';
import { planCluster } from '../../config/plan';
import { releaseTemplates } from '../../config/releaseTemplates';
import { ExitCode } from '../exit';
import { readStackFile } from '../stackFile';
import { projectFrom, type CommonOptions } from './options';

export interface TemplatesCommandOptions extends CommonOptions {
  namespace?: string;
}

/**
 * `prox-ops templates`: what the machines of the cluster are to be, as objects for a GitOps tool, on standard output.
 * Without a state and without a cluster.
 */
export async function templatesCommand(options: TemplatesCommandOptions): Promise<ExitCode> {
  const config = await readStackFile(projectFrom(options).stackFile);
  const namespace = options.namespace ?? config.automation.trigger?.namespace ?? 'argo';
  const objects = releaseTemplates(config, planCluster(config), namespace);
  const text =
    options.json === true
      ? `${JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }, null, 2)}\n`
      : objects.map((object) => `---\n${stringify(object, { lineWidth: 0 })}`).join('');
  process.stdout.write(text);
  return ExitCode.ok;
}
