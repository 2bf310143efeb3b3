import { Problem } from '../problem';
import type { NodeConfig, StackConfig } from '../schema';

type Section = keyof StackConfig;

/** A rule across fields. It finds all of its problems and never throws. */
export interface Rule {
  /** Sections that it reads: it is left out where one of them is not even of the right shape. */
  needs: Section[];
  /** It counts nodes, so it is left out where one of them is not of the right shape. */
  everyNode: boolean;
  check: (config: StackConfig) => Problem[];
}

/** A rule that can see the sections it names, and no others. */
export function rule<K extends Section>(
  needs: K[],
  check: (config: Pick<StackConfig, K>) => Problem[],
  options: { everyNode?: boolean } = {},
): Rule {
  return { needs, everyNode: options.everyNode ?? false, check };
}

export function nodesOf({ nodes }: Pick<StackConfig, 'nodes'>): [string, NodeConfig][] {
  return Object.entries(nodes);
}

/** A place that claims a value. */
export interface Claim {
  at: PropertyKey[];
  value: string | number;
  /** Who claims it, as the message about the next one says it. */
  owner: string;
}

/** Problems for every value that is claimed again. @param what the value is, with its article. */
export function claimedTwice(what: string, claims: Claim[]): Problem[] {
  const owners = new Map<string | number, string>();
  return claims.flatMap(({ at, value, owner }) => {
    const first = owners.get(value);
    if (first !== undefined) return [new Problem(at, `${what} of its own`, `${value}, which ${first} has`)];
    owners.set(value, owner);
    return [];
  });
}
