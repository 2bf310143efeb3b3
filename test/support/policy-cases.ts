import assert from 'node:assert/strict';
import { type AnyPolicy, POLICIES } from '../../policies/pack';
import { judge, type Described } from './policies';
import { configureStack } from './policy-cluster';

/** What was expected, what was found, and then what to do about it. */
const INSTRUCTIVE = /[Ee]xpected .*found .*[.)] [A-Z][a-z]+ .*\.$/s;

type Config = Record<string, unknown>;
type Stack = () => Described[];

export interface Cases {
  /** No violation, and nothing left unjudged. */
  passes: (title: string, stack: Stack, config?: Config) => void;
  /** One violation for each message, in any order, at the policy's own level. */
  fails: (title: string, stack: Stack, messages: RegExp | RegExp[], config?: Config) => void;
  /** Something is unknown: neither passed nor a crash; what is certain is still reported. */
  unjudged: (title: string, stack: Stack, value: RegExp, messages?: RegExp[], config?: Config) => void;
}

/**
 * The tests of one policy: at least one that passes, one that fails and one with an unknown value.
 * @param reads what the policy judges by: resource options and the graph are always known, and then no value is.
 */
export function testPolicy(
  policy: AnyPolicy,
  define: (cases: Cases) => void,
  reads: 'values' | 'options' = 'values',
): void {
  describe(policy.name, () => {
    const counts = { passes: 0, fails: 0, unjudged: 0 };
    const verify = async (stack: Stack, messages: RegExp[], unknown: RegExp | undefined, config: Config = {}) => {
      const found = await judge(withMarks(policy), stack(), { [policy.name]: config });
      const violations = found.violations.filter((violation) => violation.policy === policy.name);
      for (const message of messages)
        assert.ok(
          violations.some((violation) => message.test(violation.message)),
          `expected a violation like ${String(message)}, found ${brief(violations)}`,
        );
      assert.equal(violations.length, messages.length, brief(violations));
      const level = policy.enforcementLevel === 'advisory' ? 'advisory' : 'mandatory';
      for (const violation of violations) {
        assert.equal(violation.level, level);
        assert.match(violation.message, INSTRUCTIVE);
      }
      if (!unknown) assert.deepEqual(found.unjudged, []);
      else
        assert.ok(
          found.unjudged.some((note) => unknown.test(note)),
          `expected a note like ${String(unknown)}`,
        );
    };
    beforeEach(() => {
      configureStack();
    });
    define({
      passes: (title, stack, config) => {
        counts.passes += 1;
        it(`passes: ${title}`, () => verify(stack, [], undefined, config));
      },
      fails: (title, stack, messages, config) => {
        counts.fails += 1;
        it(`fails: ${title}`, () => verify(stack, [messages].flat(), undefined, config));
      },
      unjudged: (title, stack, value, messages = [], config = {}) => {
        counts.unjudged += 1;
        it(`unknown: ${title}`, () => verify(stack, messages, value, config));
      },
    });
    it('is described, and tested in all three ways', () => {
      assert.ok(POLICIES.includes(policy), 'not in the pack');
      assert.match(policy.description, /^[A-Z].{30,}\.$/);
      assert.ok(counts.passes > 0 && counts.fails > 0, 'expected a case that passes and one that fails');
      assert.equal(counts.unjudged > 0, reads === 'values', 'expected a case with an unknown value');
    });
  });
}

/** no-plaintext-secrets reads what secret-marks noted. */
function withMarks(policy: AnyPolicy): AnyPolicy[] {
  const marks = POLICIES.find(({ name }) => name === 'secret-marks');
  return marks && policy.name === 'no-plaintext-secrets' ? [marks, policy] : [policy];
}

function brief(violations: { message: string }[]): string {
  return violations
    .slice(0, 5)
    .map(({ message }) => message)
    .join('\n');
}
