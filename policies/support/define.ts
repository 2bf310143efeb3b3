import type {
  EnforcementLevel,
  PolicyConfigSchema,
  ReportViolation,
  ResourceValidationArgs,
  ResourceValidationPolicy,
  StackValidationArgs,
  StackValidationPolicy,
} from '@pulumi/policy';
import { Unknowns } from './unknowns';

interface Definition {
  name: string;
  /** The hazard, in one sentence. */
  description: string;
  /** mandatory when absent. */
  level?: EnforcementLevel;
  config?: PolicyConfigSchema;
}

export interface ResourceContext {
  resource: ResourceValidationArgs;
  unknowns: Unknowns;
  report: (message: string) => void;
}

export interface StackContext {
  stack: StackValidationArgs;
  unknowns: Unknowns;
  report: ReportViolation;
}

/**
 * A policy that judges each resource of some types by itself, before it is created or changed.
 * @param types tokens; every type when empty.
 */
export function resourcePolicy(
  definition: Definition,
  types: readonly string[],
  check: (context: ResourceContext) => void,
): ResourceValidationPolicy {
  const validate = (resource: ResourceValidationArgs, report: ReportViolation): void => {
    if (types.length > 0 && !types.includes(resource.type)) return;
    const unknowns = new Unknowns();
    unknowns.attempt(() => {
      check({ resource, unknowns, report });
    });
    unknowns.admit();
  };
  // The SDK skips a policy whose validation is marked with another type before it decodes the resource.
  if (types.length === 1) Object.assign(validate, { __pulumiType: types[0] });
  return { ...common(definition), validateResource: validate };
}

/** A policy that judges the stack as a whole, once every resource is described. */
export function stackPolicy(definition: Definition, check: (context: StackContext) => void): StackValidationPolicy {
  const validateStack = (stack: StackValidationArgs, report: ReportViolation): void => {
    const unknowns = new Unknowns();
    unknowns.attempt(() => {
      check({ stack, unknowns, report });
    });
    unknowns.admit();
  };
  return { ...common(definition), validateStack };
}

function common({ name, description, level, config }: Definition) {
  return {
    name,
    description,
    enforcementLevel: level ?? ('mandatory' as const),
    ...(config && { configSchema: config }),
  };
}
