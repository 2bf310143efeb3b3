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
    assert.equal(withStrategy([node()], { ...config, rollout }, {})[0]?.action, 'replace');
    assert.equal(withStrategy([node()], { ...config, rollout }, { strategy: 'auto' })[0]?.action, 'upgrade');
  });

  describe('another Kubernetes alone', () => {
    const kubernetes = { from: 'v1.35.0', to: 'v1.36.1', alone: true };
    const same = { from: 'v1.12.4', to: 'v1.12.4', kubernetes, needsReplacement: ['Kubernetes v1.35.0 -> v1.36.1'] };
    const nodes = [
      node({ ...same, name: 'c1', role: 'controlplane' }),
      node({ ...same, name: 'c2', role: 'controlplane' }),
      node({ ...same }),
    ];
    const turns = (given: PlannedNode[], strategy: StrategyOptions['strategy'] = 'in-place') =>
      withStrategy(given, config, { strategy }).map(({ name, action, part }) => [name, action, part]);

    it('by a replacement, or in place: every API server, then the kubelets, control planes before workers', () => {
      assert.deepEqual(turns(nodes, 'auto'), [
        ['c1', 'replace', undefined],
        ['c2', 'replace', undefined],
        ['w1', 'replace', undefined],
      ]);
      assert.deepEqual(turns(nodes), [
        ['c1', 'kubernetes', 'control plane'],
        ['c2', 'kubernetes', 'control plane'],
        ['c1', 'kubernetes', 'kubelet'],
        ['c2', 'kubernetes', 'kubelet'],
        ['w1', 'kubernetes', 'kubelet'],
      ]);
    });

    it('an adopted machine, whose VM does not name it, gets it in that order whatever the strategy', () => {
      const adopted = nodes.map((one) => ({ ...one, action: 'kubernetes' as const }));
      for (const strategy of ['auto', 'replace', 'in-place'] as const)
        assert.deepEqual(
          turns(adopted, strategy).map(([name]) => name),
          ['c1', 'c2', 'c1', 'c2', 'w1'],
        );
    });

    it('is refused for a machine that keeps its configuration, and together with another Talos', () => {
      const entry = { image: 'x', keep: [], keepConfiguration: true };
      const adopted = { ...config.adopted, nodes: { w1: entry } };
      assert.throws(
        () => withStrategy([node({ ...same, action: 'kubernetes' })], { ...config, adopted }, {}),
        /w1: expected a machine configuration that may be changed .* adopted\.nodes\.w1\.keepConfiguration/,
      );
      const both = node({ ...same, to: 'v1.12.5', kubernetes: { ...kubernetes, alone: false } });
      assert.throws(
        () => turns([both]),
        /expected a change of Talos alone .* found: Kubernetes v1\.35\.0 -> v1\.36\.1/,
      );
    });
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
