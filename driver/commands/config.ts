import { adviceFor } from '../../config/advice';
import { stackFileSchema } from '../../config/jsonSchema';
import { pinsSchema } from '../../config/pins';
import { planCluster } from '../../config/plan';
import { counted, type Problem } from '../../config/problem';
import { ExitCode } from '../exit';
import type { CheckedStack } from '../stackDocument';
import { checkStackFile, problemText } from '../stackFile';
import { hostLoads, stackText } from '../views/stackCheck';
import { projectFrom, type CommonOptions } from './options';

/** `prox-ops config check`: every problem of the stack file at once, without the engine; else the plan in short. */
export async function configCheckCommand(options: CommonOptions): Promise<ExitCode> {
  const { stackFile } = projectFrom(options);
  const checked = await checkStackFile(stackFile);
  const text = options.json === true ? checkJson(stackFile, checked) : checkText(stackFile, checked);
  process.stdout.write(`${text}\n`);
  return checked.problems.length === 0 ? ExitCode.ok : ExitCode.error;
}

export const SCHEMAS = { stack: stackFileSchema, versions: pinsSchema };

/** `prox-ops config schema`: the JSON Schema of the stack file or of versions.yaml, for editors. */
export function configSchemaCommand(of: keyof typeof SCHEMAS): ExitCode {
  process.stdout.write(`${JSON.stringify(SCHEMAS[of](), null, 2)}\n`);
  return ExitCode.ok;
}

function checkText(file: string, { config, problems }: CheckedStack): string {
  if (!config || problems.length > 0) return `${file}: ${problemText(problems)}`;
  const advice = adviceFor(config);
  if (advice.length === 0) return `${stackText(config)}\n${file}: no problem found.`;
  const lines = advice.map(({ path, message }) => `  prox-ops:${path}: ${message}`);
  return [stackText(config), `${file}: no problem, ${counted(advice.length, 'piece')} of advice:`, ...lines].join('\n');
}

function checkJson(file: string, { config, problems }: CheckedStack): string {
  const ok = problems.length === 0;
  const advice: Problem[] = config && ok ? adviceFor(config) : [];
  const hosts = config && ok ? hostLoads(config, planCluster(config)) : [];
  return JSON.stringify({ file, ok, problems, advice, hosts }, null, 2);
}
