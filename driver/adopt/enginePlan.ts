/** What a preview says of one resource. */
export interface PlannedResource {
  urn: string;
  type: string;
  name: string;
  custom: boolean;
  /** create, same, update, replace, delete ...: what would be done, in order. */
  steps: string[];
  /** How the inputs differ from those in the state, as checked by the provider; secrets are encrypted. */
  inputDiff: InputDiff;
  /** As far as the provider can tell before an update. */
  outputs: Record<string, unknown>;
  parent: string | undefined;
  protect: boolean;
  provider: string | undefined;
  dependencies: string[];
  propertyDependencies: Record<string, string[]>;
  /** Properties that differ by the provider's own judgement: their paths and add, delete or update. */
  differences: Record<string, string>;
}

export interface InputDiff {
  adds?: Record<string, unknown>;
  updates?: Record<string, unknown>;
  deletes?: string[];
}

/** The inputs that the program registers, given those in the state. */
export function inputsAfter(
  before: Record<string, unknown>,
  { adds, updates, deletes = [] }: InputDiff,
): Record<string, unknown> {
  const kept = Object.entries(before).filter(([key]) => !deletes.includes(key));
  return { ...Object.fromEntries(kept), ...adds, ...updates };
}

export interface EnginePlan {
  resources: PlannedResource[];
}

interface RawPlan {
  resourcePlans?: Record<
    string,
    {
      steps?: string[];
      state?: Record<string, unknown>;
      goal?: {
        type: string;
        name: string;
        custom: boolean;
        inputDiff?: InputDiff;
        parent?: string;
        protect?: boolean;
        provider?: string;
        dependencies?: string[];
        propertyDependencies?: Record<string, string[]>;
      };
    }
  >;
}

interface RawDigest {
  steps?: { urn: string; op: string; detailedDiff?: Record<string, { kind: string }>; diffReasons?: string[] }[];
}

/** Puts together what `pulumi preview --json` prints and what `--save-plan` writes. */
export function parsePlan(digest: string, plan: string): EnginePlan {
  const { steps = [] } = JSON.parse(digest) as RawDigest;
  const { resourcePlans = {} } = JSON.parse(plan) as RawPlan;
  const resources = Object.entries(resourcePlans).flatMap(([urn, raw]): PlannedResource[] => {
    const { goal } = raw;
    const own = steps.filter((step) => step.urn === urn);
    const operations = raw.steps ?? own.map(({ op }) => op);
    if (!goal) return [{ ...nothing(urn), steps: operations }];
    return [
      {
        urn,
        type: goal.type,
        name: goal.name,
        custom: goal.custom,
        steps: operations,
        inputDiff: goal.inputDiff ?? {},
        outputs: raw.state ?? {},
        parent: goal.parent,
        protect: goal.protect === true,
        provider: goal.provider === '' ? undefined : goal.provider,
        dependencies: goal.dependencies ?? [],
        propertyDependencies: goal.propertyDependencies ?? {},
        differences: Object.assign({}, ...own.map(differencesOf)) as Record<string, string>,
      },
    ];
  });
  return { resources };
}

function differencesOf(step: NonNullable<RawDigest['steps']>[number]): Record<string, string> {
  if (step.op === 'create' || step.op === 'same') return {};
  if (step.detailedDiff)
    return Object.fromEntries(Object.entries(step.detailedDiff).map(([path, { kind }]) => [path, kind]));
  return Object.fromEntries((step.diffReasons ?? []).map((path) => [path, 'update']));
}

/** A resource that the program does not register any more. */
function nothing(urn: string): PlannedResource {
  const [, , types = '', name = ''] = urn.split('::');
  return {
    urn,
    type: types.split('$').at(-1) ?? '',
    name,
    custom: true,
    steps: [],
    inputDiff: {},
    outputs: {},
    parent: undefined,
    protect: false,
    provider: undefined,
    dependencies: [],
    propertyDependencies: {},
    differences: {},
  };
}
