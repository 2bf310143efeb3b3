import assert from 'node:assert/strict';
import {
  announceReplacement,
  diffBracket,
  diffIdentity,
  UNKNOWN,
  type Bracket,
  type BracketInputs,
} from '../../operations/src/index';
import { forgetAnnouncements } from '../../operations/src/planRefusal';
import { World } from './support/world';

describe('diff: what replaces a lifecycle resource', () => {
  const inputs = (node: string, change: Partial<BracketInputs> = {}): BracketInputs => ({
    ...new World().inputs(node),
    ...change,
  });

  let followed = 0;
  const processes = { endWithEngine: () => void (followed += 1) };
  const diff = (bracket: Bracket, olds: BracketInputs, news: BracketInputs) =>
    diffBracket(bracket, olds, news, processes);

  beforeEach(forgetAnnouncements);

  it('a host that is asked nothing else ends with its engine all the same', () => {
    followed = 0;
    diff('drain', inputs('w1'), inputs('w1'));
    assert.equal(followed, 1);
  });

  it('its VM, and nothing else', () => {
    const olds = inputs('w1');
    assert.deepEqual(diff('drain', olds, { ...olds }), {
      changes: false,
      replaces: [],
      deleteBeforeReplace: true,
    });
    const release = { ...olds.release, talos: 'v1.14.0' };
    assert.deepEqual(diff('drain', olds, { ...olds, release }), {
      changes: true,
      replaces: [],
      deleteBeforeReplace: true,
    });
    assert.deepEqual(diff('drain', olds, { ...olds, vm: UNKNOWN }), {
      changes: true,
      replaces: ['vm'],
      deleteBeforeReplace: true,
    });
  });

  it('what a join found is no difference', () => {
    const olds = { ...inputs('w1'), found: { checks: '7/7' } };
    assert.equal(diff('turn', olds, inputs('w1', { settings: olds.settings })).changes, false);
  });

  it('a second node in one update is refused, naming both and the command', () => {
    const turn = (node: string): unknown => diff('turn', inputs(node), inputs(node, { vm: UNKNOWN }));
    turn('w1');
    turn('w1');
    assert.throws(() => turn('w2'), /expected w1 alone, found w2 as well.*npx prox-ops roll/);
  });

  it('nor may a second machine get another Kubernetes in one update, which an adopted one would as it runs', () => {
    const olds = inputs('w1');
    const turn = (node: string): unknown =>
      diff('turn', inputs(node), inputs(node, { release: { ...olds.release, kubernetes: 'v1.36.4' } }));
    turn('w1');
    assert.throws(() => turn('w2'), /expected w1 alone, found w2 as well.*npx prox-ops roll/);
  });

  it('the other resources of a node announce nothing', () => {
    for (const node of ['w1', 'w2']) diff('drain', inputs(node), inputs(node, { vm: UNKNOWN }));
  });

  it('one that would leave without the guard that it is to have is refused, as the engine asks', () => {
    const guarded = { ...inputs('w1'), macs: [] };
    const unguarded = { ...guarded, settings: { ...guarded.settings, linstorGuardEnabled: false } };
    const replaced = (olds: BracketInputs) => diff('evacuation', olds, { ...olds, vm: UNKNOWN });
    assert.equal(diffIdentity(guarded, guarded, processes).changes, false);
    replaced(guarded);
    assert.equal(diffIdentity(unguarded, guarded, processes).changes, true);
    assert.equal(diff('evacuation', unguarded, guarded).changes, true);
    assert.throws(() => replaced(unguarded), /w1: .*joined without that guard.*npx prox-ops roll/);
    replaced(inputs('w2'));
  });

  it('the driver’s read-only plan previews all of them', () => {
    announceReplacement('w1', 'test', { PROX_OPS_PLAN: '1' });
    announceReplacement('w2', 'test', { PROX_OPS_PLAN: '1' });
  });

  it('a tear-down of the whole cluster replaces nothing, one of another cluster does', () => {
    for (const node of ['w1', 'w2']) announceReplacement(node, 'test', { PROX_OPS_TEARDOWN: 'test' });
    announceReplacement('w1', 'test', { PROX_OPS_TEARDOWN: 'other' });
    assert.throws(() => announceReplacement('w2', 'test', { PROX_OPS_TEARDOWN: 'other' }), /expected w1 alone/);
  });
});
