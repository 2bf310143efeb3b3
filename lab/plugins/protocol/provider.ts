import type { PropertyMap } from './values.js';

/** What is wrong with an input; an empty property means the resource as a whole. */
export interface Failure {
  property: string;
  reason: string;
}

export type ChangeKind = 'add' | 'delete' | 'update';

/** One changed property, by its path in the engine's form. */
export interface PropertyChange {
  kind: ChangeKind;
  /** The change cannot be made in place. */
  replace: boolean;
  /** The change is between old and new inputs, not between state and inputs. */
  inputDiff?: boolean;
}

export interface Difference {
  changes: Map<string, PropertyChange>;
  deleteBeforeReplace?: boolean;
  /** Replacement keys besides those of `changes`. */
  replaces?: string[];
  /** Changed keys where the real provider tells only these and no detailed diff. */
  plainKeys?: string[];
}

export interface Call {
  urn: string;
  /** The resource's own name, the last part of its URN. */
  name: string;
  /** Writes a line beside the resource in the engine's display. */
  log(severity: 'debug' | 'info' | 'warning', message: string): void;
  /** Aborted when the engine asks its plugins to stop what they are doing. */
  signal: AbortSignal;
}

export interface CheckCall extends Call {
  olds: PropertyMap;
  news: PropertyMap;
  randomSeed: Uint8Array;
}

export interface DiffCall extends Call {
  id: string;
  /** The outputs of the last operation. */
  olds: PropertyMap;
  oldInputs: PropertyMap;
  news: PropertyMap;
  ignoreChanges: string[];
}

export interface CreateCall extends Call {
  inputs: PropertyMap;
  preview: boolean;
  /** Seconds from customTimeouts; 0 when none was given. */
  timeout: number;
}

export interface ReadCall extends Call {
  id: string;
  /** Empty when the resource is imported or looked up, not refreshed. */
  properties: PropertyMap;
  inputs: PropertyMap;
}

export interface UpdateCall extends DiffCall {
  preview: boolean;
  timeout: number;
}

export interface DeleteCall extends Call {
  id: string;
  properties: PropertyMap;
  oldInputs: PropertyMap;
  timeout: number;
}

export interface Checked {
  inputs: PropertyMap;
  failures: Failure[];
}

export interface State {
  id: string;
  properties: PropertyMap;
}

/** One resource type of a provider. */
export interface Resource {
  check(call: CheckCall): Checked | Promise<Checked>;
  diff(call: DiffCall): Difference | Promise<Difference>;
  create(call: CreateCall): Promise<State>;
  /** The resource as it is now; undefined when it is gone. */
  read(call: ReadCall): Promise<(State & { inputs: PropertyMap }) | undefined>;
  update(call: UpdateCall): Promise<PropertyMap>;
  delete(call: DeleteCall): Promise<void>;
}

export interface FunctionCall {
  args: PropertyMap;
  log: Call['log'];
  signal: AbortSignal;
}

export interface Provider {
  readonly name: string;
  /** Without a leading v. */
  readonly version: string;
  /** Whether inputs arrive with their secrets marked; if not, the engine marks outputs named like secret inputs. */
  readonly acceptSecrets: boolean;
  checkConfig?(news: PropertyMap): Checked;
  diffConfig?(olds: PropertyMap, news: PropertyMap): Difference;
  configure(config: PropertyMap): Promise<void> | void;
  /** By type token; undefined for a type that the provider does not have. */
  resource(type: string): Resource | undefined;
  /** By function token; undefined for a function that the provider does not have. */
  function(token: string): ((call: FunctionCall) => Promise<PropertyMap | Failure[]>) | undefined;
  schema(): object;
}

/** A resource exists, but not as it should be: the engine keeps it in the state and reports the reasons. */
export class InitError extends Error {
  constructor(
    readonly id: string,
    readonly properties: PropertyMap,
    readonly reasons: string[],
    readonly inputs?: PropertyMap,
  ) {
    super(reasons.join('\n'));
  }
}
