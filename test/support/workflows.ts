import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parse } from 'yaml';
import { REPOSITORY } from './stack-files';

export interface Step {
  id?: string;
  name?: string;
  if?: string;
  uses?: string;
  with?: Record<string, string | number | boolean>;
  run?: string;
  env?: Record<string, string>;
}

export interface Job {
  if?: string;
  needs?: string | string[];
  environment?: string;
  'runs-on': string;
  permissions?: Record<string, string>;
  outputs?: Record<string, string>;
  env?: Record<string, string>;
  concurrency?: { group: string; 'cancel-in-progress': boolean };
  steps: Step[];
}

export interface Workflow {
  name: string;
  on: Record<string, unknown>;
  permissions?: Record<string, string>;
  env?: Record<string, string>;
  jobs: Record<string, Job>;
}

const FOLDER = join(REPOSITORY, '.github/workflows');

let known: Record<string, Workflow> | undefined;

/** Every workflow, by the name of its file without ending. */
export function workflows(): Record<string, Workflow> {
  known ??= Object.fromEntries(
    workflowFiles().map((file) => [basename(file, '.yaml'), parse(readFileSync(file, 'utf8')) as Workflow]),
  );
  return known;
}

export function workflowFiles(): string[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => join(FOLDER, name));
}

/** A job's steps as a runner sees them: an action of this repository is its own steps, with what it was given. */
export function stepsOf({ steps }: Pick<Job, 'steps'>): Step[] {
  return steps.flatMap((step) => {
    if (!step.uses?.startsWith('./')) return [step];
    const { inputs = {}, runs } = parse(readFileSync(join(REPOSITORY, step.uses, 'action.yaml'), 'utf8')) as {
      inputs?: Record<string, { default?: string }>;
      runs: { steps: Step[] };
    };
    const given = Object.fromEntries(
      Object.entries(inputs).map(([name, { default: value = '' }]) => [name, String(step.with?.[name] ?? value)]),
    );
    return runs.steps.map((inner) => withInputs(inner, given));
  });
}

/** Inputs of an action stand in conditions alone. */
function withInputs(step: Step, inputs: Record<string, string>): Step {
  if (step.if === undefined) return step;
  return { ...step, if: step.if.replaceAll(/inputs\.(\w+)/g, (_, name: string) => `'${inputs[name] ?? ''}'`) };
}

export type Context = Record<string, unknown>;

/** What `success()` and the like say. */
export interface Status {
  failed?: boolean;
  cancelled?: boolean;
}

export interface Expressions {
  /** The text with every `${{ }}` in it evaluated. */
  text: (template: string, context: Context) => string;
  /** Whether a job or step runs. A condition that names no status asks for success besides. */
  condition: (condition: string | undefined, context: Context, status?: Status) => boolean;
}

const CONTEXTS = ['github', 'vars', 'secrets', 'needs', 'inputs', 'steps', 'runner'];

/** GitHub's expressions, by its own evaluator, which is an ES module. */
export async function expressions(): Promise<Expressions> {
  const { data, Evaluator, Lexer, Parser } = await import('@actions/expressions');
  const evaluated = (expression: string, context: Context, { failed = false, cancelled = false }: Status = {}) => {
    const said: Record<string, boolean> = {
      always: true,
      cancelled,
      failure: failed && !cancelled,
      success: !failed && !cancelled,
    };
    const functions = Object.entries(said).map(([name, value]) => ({
      name,
      minArgs: 0,
      maxArgs: 0,
      call: () => new data.BooleanData(value),
    }));
    const whole = Object.fromEntries(CONTEXTS.map((name) => [name, context[name] ?? {}]));
    const values = JSON.parse(JSON.stringify(whole), data.reviver as (key: string, value: unknown) => unknown);
    const tree = new Parser(new Lexer(expression).lex().tokens, CONTEXTS, functions).parse();
    const known = new Map(functions.map((each) => [each.name, each]));
    return new Evaluator(tree, values as InstanceType<typeof data.Dictionary>, known).evaluate();
  };
  return {
    text: (template, context) =>
      template.replaceAll(/\$\{\{(.+?)\}\}/gs, (_, inner: string) => evaluated(inner, context).coerceString()),
    condition: (condition = 'success()', context, status = {}) => {
      const inner = condition.replace(/^\$\{\{(.+)\}\}$/s, '$1');
      const asks = /\b(always|cancelled|failure|success)\(\)/.test(inner);
      return truthy(evaluated(asks ? inner : `success() && (${inner})`, context, status));
    },
  };
}

function truthy(value: { coerceString: () => string }): boolean {
  return !['', 'false', '0'].includes(value.coerceString());
}
