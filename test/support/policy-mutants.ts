import type { AnyPolicy } from '../../policies/pack';

/** Environment variable of the mutation check: `KIND POLICY`, for one run of the policies' tests. */
export const MUTATION = 'PROX_OPS_POLICY_MUTATION';

/** Ways to break a policy, each of which at least one test has to notice. */
export const MUTATIONS = {
  mute: 'reports nothing',
  shout: 'reports every resource',
  mumble: 'reports without saying what is wrong',
  blind: 'takes what is unknown for good',
} as const;

export type Mutation = keyof typeof MUTATIONS;

type Validate = (args: never, report: (message: string, urn?: string) => void) => unknown;

/** The policy, broken if the environment says so. */
export function mutated(policy: AnyPolicy): AnyPolicy {
  const [kind, name] = (process.env[MUTATION] ?? '').split(' ');
  if (name !== policy.name || kind === undefined || !(kind in MUTATIONS)) return policy;
  const property = 'validateStack' in policy ? 'validateStack' : 'validateResource';
  const original = (policy as unknown as Record<string, Validate>)[property];
  if (!original) return policy;
  const broken = Object.assign(broke(kind as Mutation, original), original);
  return { ...policy, [property]: broken };
}

function broke(kind: Mutation, original: Validate): Validate {
  switch (kind) {
    case 'mute':
      return () => undefined;
    case 'shout':
      return (_args, report) => {
        report('broken');
      };
    case 'mumble':
      return (args, report) =>
        original(args, () => {
          report('something is wrong');
        });
    case 'blind':
      return (args, report) => {
        try {
          return original(args, report);
        } catch {
          return undefined;
        }
      };
  }
}
