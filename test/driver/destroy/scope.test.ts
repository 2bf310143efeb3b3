import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { StateEntry } from '../../../driver/adopt/deployment';
import { scopeOf } from '../../../driver/destroy/scope';

function entry(urn: string, needs: Partial<StateEntry> = {}): StateEntry {
  return { urn, type: 'test', custom: true, ...needs };
}

describe('what goes and what stays of a state', () => {
  const state = [
    entry('stack'),
    entry('cluster', { parent: 'stack' }),
    entry('provider', { parent: 'cluster' }),
    entry('secrets', { parent: 'cluster', provider: 'provider::id' }),
    entry('identity', { parent: 'cluster' }),
    entry('vm', { parent: 'cluster', dependencies: ['identity'] }),
    entry('gate', { parent: 'cluster', propertyDependencies: { vm: ['vm'] } }),
  ];

  it('what stays keeps its parents and its provider; all else goes', () => {
    const { goes, stays } = scopeOf(state, ({ urn }) => (urn === 'secrets' ? 'the Talos secrets' : undefined));
    assert.deepEqual(goes, ['identity', 'vm', 'gate']);
    assert.deepEqual(stays, [{ urn: 'secrets', why: 'the Talos secrets' }]);
  });

  it('a VM that stays keeps what it depends on, and not what depends on it', () => {
    const { goes } = scopeOf(state, ({ urn }) => (['secrets', 'vm'].includes(urn) ? 'here' : undefined));
    assert.deepEqual(goes, ['gate']);
  });

  it('nothing that goes is needed by what stays, in any state', () => {
    const states = fc.integer({ min: 1, max: 12 }).chain((count) => {
      const needs = Array.from({ length: count }, (_, index) =>
        fc.record({
          dependencies: fc.subarray(Array.from({ length: index }, (_, other) => `r${other}`)),
          parent: index === 0 ? fc.constant('') : fc.integer({ min: 0, max: index - 1 }).map((other) => `r${other}`),
          kept: fc.boolean(),
        }),
      );
      return fc.tuple(...needs);
    });
    fc.assert(
      fc.property(states, (needs) => {
        const resources = needs.map(({ dependencies, parent }, index) => entry(`r${index}`, { dependencies, parent }));
        const kept = new Set(needs.flatMap(({ kept }, index) => (kept ? [`r${index}`] : [])));
        const { goes } = scopeOf(resources, ({ urn }) => (kept.has(urn) ? 'kept' : undefined));
        for (const resource of resources.filter(({ urn }) => !goes.includes(urn)))
          for (const urn of [resource.parent, ...(resource.dependencies ?? [])])
            assert.equal(urn !== undefined && goes.includes(urn), false);
        assert.equal(
          [...kept].some((urn) => goes.includes(urn)),
          false,
        );
      }),
    );
  });
});
