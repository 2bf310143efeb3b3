import { randomBytes } from 'node:crypto';
import { checkInputs, DEFAULTS } from '../protocol/check.js';
import { changedKeys, plan } from '../protocol/plan.js';
import type {
  CheckCall,
  Checked,
  CreateCall,
  DeleteCall,
  DiffCall,
  Difference,
  Failure,
  FunctionCall,
  ReadCall,
  Resource,
  State,
  UpdateCall,
} from '../protocol/provider.js';
import { text } from '../protocol/read-value.js';
import { bool, list, map, string } from '../protocol/schema.js';
import type { Property, Schema } from '../protocol/schema.js';
import { containsSecret, openMap, secret, UNKNOWN } from '../protocol/values.js';
import type { PropertyMap } from '../protocol/values.js';
import { runCommand } from './run.js';

const BASE: Schema = {
  addPreviousOutputInEnv: bool(),
  archivePaths: list(string()),
  assetPaths: list(string()),
  dir: string(),
  environment: map(string()),
  interpreter: list(string()),
  logging: string({ oneOf: ['stdout', 'stderr', 'stdoutAndStderr', 'none'] }),
  stdin: string(),
};

/** Any values: a change of one of them runs the whole command anew. */
const triggers: Property = list({ kind: 'map' }, { replace: true });

const SCHEMA: Schema = { ...BASE, create: string(), delete: string(), update: string(), triggers };

const OUTPUTS = ['stdout', 'stderr', 'assets', 'archive'];

/** command:local:Command */
export class CommandResource implements Resource {
  check(call: CheckCall): Checked {
    const { triggers: given, ...rest } = call.news;
    const { inputs, failures } = checkInputs(SCHEMA, rest);
    delete inputs[DEFAULTS];
    return { inputs: given === undefined ? inputs : { ...inputs, triggers: given }, failures };
  }

  diff(call: DiffCall): Difference {
    return { changes: changes(call) };
  }

  async create(call: CreateCall): Promise<State> {
    const id = `${call.name}${randomBytes(4).toString('hex')}`;
    if (call.preview) return { id, properties: { ...call.inputs, ...outputs(call.inputs, unknowns(call.inputs)) } };
    const inputs = openMap(call.inputs);
    const command = inputs['create'];
    const ran = command === undefined ? NOTHING_RAN : await runCommand(text(command), inputs, {}, call);
    return { id, properties: { ...call.inputs, ...outputs(call.inputs, ran) } };
  }

  read(call: ReadCall): Promise<(State & { inputs: PropertyMap }) | undefined> {
    return Promise.resolve({ id: call.id, properties: call.properties, inputs: call.inputs });
  }

  /** Runs `update`, or `create` when there is none; the outputs of the last run are offered to it. */
  async update(call: UpdateCall): Promise<PropertyMap> {
    const previous = Object.fromEntries(OUTPUTS.map((name) => [name, call.olds[name]]));
    if (call.preview) {
      const changed = changedKeys(changes(call)).size > 0;
      return { ...call.news, ...(changed ? outputs(call.news, unknowns(call.news)) : previous) };
    }
    const inputs = openMap(call.news);
    const command = inputs['update'] ?? inputs['create'];
    if (command === undefined) return { ...call.news, ...previous };
    return { ...call.news, ...outputs(call.news, await runCommand(text(command), inputs, openMap(call.olds), call)) };
  }

  async delete(call: DeleteCall): Promise<void> {
    const state = openMap(call.properties);
    if (state['delete'] !== undefined) await runCommand(text(state['delete']), state, state, call);
  }
}

const NOTHING_RAN: PropertyMap = { stdout: '', stderr: '' };

function changes(call: DiffCall): Difference['changes'] {
  const olds = Object.fromEntries(Object.entries(call.olds).filter(([name]) => name in SCHEMA));
  return plan(SCHEMA, olds, call.news, call.ignoreChanges).changes;
}

/** Outputs may repeat what went in, so one secret input makes all of them secret. */
function outputs(inputs: PropertyMap, ran: PropertyMap): PropertyMap {
  if (!containsSecret(inputs)) return ran;
  return Object.fromEntries(
    Object.entries(ran).map(([name, value]) => [name, value === undefined ? value : secret(value)]),
  );
}

function unknowns(inputs: PropertyMap): PropertyMap {
  return {
    stdout: UNKNOWN,
    stderr: UNKNOWN,
    ...(inputs['assetPaths'] !== undefined && { assets: UNKNOWN }),
    ...(inputs['archivePaths'] !== undefined && { archive: UNKNOWN }),
  };
}

/** command:local:run. Runs at every preview and update. */
export async function run(call: FunctionCall): Promise<PropertyMap | Failure[]> {
  const { inputs, failures } = checkInputs({ ...BASE, command: string({ required: true }) }, call.args);
  if (failures.length > 0) return failures;
  delete inputs[DEFAULTS];
  const ran = await runCommand(text(openMap(inputs)['command']), openMap(inputs), {}, call);
  return { ...inputs, ...outputs(inputs, ran) };
}
