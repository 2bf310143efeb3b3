import { withoutSecret } from './secretShapes';

/** One thing wrong with a stack file. */
export class Problem {
  readonly expected: string;
  readonly found: string;

  /**
   * @param at keys from the top of the stack's configuration, without the namespace.
   * @param expected and @param found complete 'expected ..., found ...'. What looks like a secret in them is not kept.
   */
  constructor(
    readonly at: PropertyKey[],
    expected: string,
    found: string,
  ) {
    this.expected = withoutSecret(expected);
    this.found = withoutSecret(found);
  }

  /** As in the stack file: `nodes.k8s-ctrl-1.vmId`. A key that holds dots is put in brackets. */
  get path(): string {
    return this.at
      .map((key) => withoutSecret(String(key)))
      .reduce((path, key) => {
        if (key.includes('.')) return `${path}[${key}]`;
        return path === '' ? key : `${path}.${key}`;
      }, '');
  }

  get message(): string {
    return `expected ${this.expected}, found ${this.found}`;
  }

  toJSON(): object {
    const { path, expected, found } = this;
    return { path, expected, found };
  }
}

/** Every problem of a stack file at once. Nothing has been changed when this is thrown. */
export class ConfigError extends Error {
  constructor(readonly problems: Problem[]) {
    const lines = problems.map((problem) => `  prox-ops:${problem.path}: ${problem.message}`);
    super(`${counted(problems.length, 'problem')} in the stack's configuration:\n${lines.join('\n')}`);
    this.name = 'ConfigError';
  }
}

/** 1 problem, 2 problems */
export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
