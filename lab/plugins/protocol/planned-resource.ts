import { checkInputs } from './check.js';
import { markSecrets, plan, planCreation } from './plan.js';
import type { Plan } from './plan.js';
import type {
  CheckCall,
  Checked,
  CreateCall,
  DeleteCall,
  DiffCall,
  Difference,
  ReadCall,
  Resource,
  State,
  UpdateCall,
} from './provider.js';
import type { Schema } from './schema.js';
import type { PropertyMap } from './values.js';

/** What a plan starts from; no state for a resource that does not exist yet. */
export interface PlannedFrom {
  inputs: PropertyMap;
  state?: PropertyMap;
}

/**
 * A bridged resource whose reads do nothing, so that a refresh never sees drift, and whose deletion only drops the
 * state. Creating and updating are the subclass's.
 */
export abstract class PlannedResource implements Resource {
  constructor(protected readonly schema: Schema) {}

  /** What the operation itself does, given the plan; returns the new state. */
  protected abstract make(planned: PropertyMap, call: CreateCall): Promise<State>;
  protected abstract change(planned: PropertyMap, call: UpdateCall): Promise<PropertyMap>;

  /** Fills in what can be known before the operation. */
  protected refine(...[planned]: [PropertyMap, PlannedFrom]): Promise<PropertyMap> | PropertyMap {
    return planned;
  }

  check(call: CheckCall): Checked | Promise<Checked> {
    return checkInputs(this.schema, call.news);
  }

  async diff(call: DiffCall): Promise<Difference> {
    return { changes: (await this.plan(call)).changes };
  }

  async create(call: CreateCall): Promise<State> {
    const planned = await this.refine(planCreation(this.schema, call.inputs), { inputs: call.inputs });
    if (call.preview) return { id: '', properties: markSecrets(this.schema, planned) };
    const { id, properties } = await this.make(planned, call);
    return { id, properties: markSecrets(this.schema, properties) };
  }

  read(call: ReadCall): Promise<(State & { inputs: PropertyMap }) | undefined> {
    if (Object.keys(call.properties).length === 0) {
      return Promise.reject(new Error(`Resource Import Not Implemented: ${call.urn}`));
    }
    const properties = markSecrets(this.schema, call.properties);
    return Promise.resolve({ id: call.id, properties, inputs: call.inputs });
  }

  async update(call: UpdateCall): Promise<PropertyMap> {
    const { planned } = await this.plan(call);
    return markSecrets(this.schema, call.preview ? planned : await this.change(planned, call));
  }

  delete(...calls: [DeleteCall]): Promise<void> {
    calls[0].log('debug', 'only the state is dropped');
    return Promise.resolve();
  }

  protected async plan(call: DiffCall): Promise<Plan> {
    const first = plan(this.schema, call.olds, call.news, call.ignoreChanges);
    const refined = await this.refine(first.planned, { inputs: call.news, state: call.olds });
    return refined === first.planned ? first : plan(this.schema, call.olds, refined, call.ignoreChanges);
  }
}
