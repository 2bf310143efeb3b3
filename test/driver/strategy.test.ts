import assert from 'node:assert/strict';
import type { PlannedNode } from '../../driver/plan';
import { withStrategy, type StrategyOptions } from '../../driver/strategy';
import { production } from '../support/stack-files';

describe('R004-FR2 how a node gets its release', () => {
  const config = production();

  function node(change: Partial<PlannedNode> = {}): PlannedNode {
    const common = { name: 'w1', role: 'worker', vmId: 8004, action: 'replace', known: true } as const;
    return { ...common, from: 'v1.12.4', to: 'v1.12.5', needsReplacement: [], why: [], urns: [], ...change };
  }

  function action(change: Partial<PlannedNode>, options: StrategyOptions = {}): string | undefined {
    return withStrategy([node(change)], config, options)[0]?.action;
  }

  it('a patch in place, forth and back; a minor by a replacement', () => {
    assert.equal(action({}), 'upgrade');
    assert.equal(action({ from: 'v1.12.5', to: 'v1.12.4' }), 'upgrade');
    assert.equal(action({ to: 'v1.13.0' }), 'replace');
    assert.equal(action({ to: 'v1.12.4' }), 'replace');
  });

  it('a patch that comes with more than Talos, by a replacement', () => {
    assert.equal(action({ needsReplacement: ['memory changed'] }), 'replace');
  });

  it('a major by a replacement, once it is approved', () => {
    assert.throws(
      () => action({ to: 'v2.0.0' }),
      /w1: Talos v1\.12\.4 -> v2\.0\.0 is another major .* --approve-major/,
    );
    assert.equal(action({ to: 'v2.0.0' }, { approveMajor: true }), 'replace');
  });

  it('can be overridden, by the command line and by the stack file', () => {
    assert.equal(action({}, { strategy: 'replace' }), 'replace');
    assert.equal(action({ to: 'v1.13.0' }, { strategy: 'in-place' }), 'upgrade');
    const rollout = { ...config.rollout, strategy: 'replace' as const };
    assert.equal(withStrategy([node()], { rollout }, {})[0]?.action, 'replace');
    assert.equal(withStrategy([node()], { rollout }, { strategy: 'auto' })[0]?.action, 'upgrade');
  });

  it('names every node that cannot be upgraded in place, what stands in the way, and the command that goes on', () => {
    const nodes = [
      node({ needsReplacement: ['cpu changed'] }),
      node({ name: 'w2' }),
      node({ name: 'w3', to: 'v2.0.0' }),
    ];
    assert.throws(
      () => withStrategy(nodes, config, { strategy: 'in-place', approveMajor: true }),
      /^CommandError: w1: expected a change of Talos alone .* found: cpu changed\. .* --strategy replace --nodes w1\nw3: .* never .* in place/,
    );
  });

  it('what comes, leaves or goes on is left as it is, whatever the strategy', () => {
    for (const kept of ['add', 'remove', 'finish'] as const)
      assert.equal(action({ action: kept, from: undefined }, { strategy: 'in-place' }), kept);
  });
});
