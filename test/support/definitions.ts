import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'yaml';

/** Definitions of kinds that others own, out of their Go modules: fetched by Go, kept in its module cache. */
interface Source {
  module: string;
  /** What go.sum would say: the module's content. */
  sum: string;
  files: string[];
}

const SOURCES: Source[] = [
  {
    // Its later releases have tags that are no Go versions. What is used of the set is the same in this one.
    module: 'github.com/actions/actions-runner-controller@v0.27.6',
    sum: 'h1:Uklv1+6+/BQuhV6HoXIgPZrnAW9/HWo3j9O7IcnzGXU=',
    files: ['autoscalingrunnersets', 'ephemeralrunners'].map(
      (kind) => `charts/gha-runner-scale-set-controller/crds/actions.github.com_${kind}.yaml`,
    ),
  },
  {
    module: 'github.com/argoproj/argo-workflows/v3@v3.7.6',
    sum: 'h1:w38ykeCH2QH6/n77sx3BmhZyai2tB+rD2qCZfFPRHyQ=',
    files: ['workflowtemplates', 'workflows'].map((kind) => `manifests/base/crds/full/argoproj.io_${kind}.yaml`),
  },
  {
    module: 'github.com/argoproj/argo-events@v1.9.7',
    sum: 'h1:x+JOTsU3rzXSrzDwrUlLza4kmxp5zc1NMlgTgaLF678=',
    files: ['eventsources', 'sensors'].map((kind) => `manifests/base/crds/argoproj.io_${kind}.yaml`),
  },
  {
    module: 'github.com/external-secrets/external-secrets@v1.3.2',
    sum: 'h1:u2J8RjlHIeF0oZCqtl92adI/uZWUwOesJIDkfql6LqQ=',
    files: ['config/crds/bases/external-secrets.io_externalsecrets.yaml'],
  },
];

export interface Definition {
  apiVersion: string;
  kind: string;
  metadata: { name: string };
  spec: { conversion?: object };
}

/** The CustomResourceDefinitions of ARC, Argo Workflows, Argo Events and External Secrets, as their projects publish them. */
export async function definitions(): Promise<Definition[]> {
  const found: Definition[] = [];
  for (const source of SOURCES) {
    const folder = await fetched(source);
    for (const file of source.files) found.push(definition(readFileSync(join(folder, file), 'utf8')));
  }
  return found;
}

/** A definition that converts between versions asks a webhook, of whose program nothing runs here. */
function definition(text: string): Definition {
  const found = parse(text) as Definition;
  delete found.spec.conversion;
  return found;
}

/** JSON Schema of Argo Events, whose definitions take everything. */
export async function eventsSchema(): Promise<{ definitions: Record<string, object> }> {
  const source = SOURCES.find(({ module }) => module.includes('argo-events'))!;
  const text = readFileSync(join(await fetched(source), 'api/jsonschema/schema.json'), 'utf8');
  return JSON.parse(text) as { definitions: Record<string, object> };
}

async function fetched({ module, sum }: Source): Promise<string> {
  // The sum is checked here, so that the checksum database need not be asked.
  const env = { ...process.env, GONOSUMDB: '*', GOFLAGS: '-mod=mod', GOTOOLCHAIN: 'local', GOWORK: 'off' };
  const { stdout } = await promisify(execFile)('go', ['mod', 'download', '-json', module], { env });
  const { Dir, Sum } = JSON.parse(stdout) as { Dir: string; Sum: string };
  if (Sum !== sum) throw new Error(`${module}: expected the content ${sum}, found ${Sum}`);
  return Dir;
}
