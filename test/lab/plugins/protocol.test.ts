import assert from 'node:assert/strict';
import { checkInputs, DEFAULTS } from '../../../lab/plugins/protocol/check.js';
import { contains, formatPath, parsePath } from '../../../lab/plugins/protocol/paths.js';
import { inputsFromState, plan, planCreation } from '../../../lab/plugins/protocol/plan.js';
import { block, bool, list, number, string } from '../../../lab/plugins/protocol/schema.js';
import { decode, encode, equal, Secret, UNKNOWN, withoutUnknown } from '../../../lab/plugins/protocol/values.js';

const SCHEMA = {
  name: string({ required: true, replace: true }),
  size: number({ default: 8 }),
  on: bool({ default: false }),
  address: string({ computed: true }),
  source: block({ id: number({ required: true, replace: true }) }),
  disks: list(block({ slot: string(), path: string({ computed: true }) })),
};

describe('plugin protocol', () => {
  it('carries secrets and unknowns over the wire and back, and drops nulls', () => {
    const map = { plain: 'a', none: null, secret: new Secret({ key: 'k' }), later: [UNKNOWN, 1, true] };
    const { plain, secret, later } = map;
    assert.deepEqual(decode(encode(map)), { plain, secret, later });
  });

  it('takes a secret for equal to its open value, and absent for null', () => {
    assert.ok(equal({ a: new Secret('x'), b: null }, { a: 'x' }));
    assert.ok(!equal({ a: new Secret('x') }, { a: 'y' }));
  });

  it('keeps what is not known yet out of a state', () => {
    assert.deepEqual(withoutUnknown({ a: UNKNOWN, b: { c: UNKNOWN, d: 1 } }), { b: { d: 1 } });
  });

  it('reads and writes property paths', () => {
    for (const path of ['a', 'a.b', 'disks[0].speed', 'labels["app.kubernetes.io/name"]']) {
      assert.equal(formatPath(parsePath(path)), path);
    }
    assert.ok(contains(parsePath('disks[0]'), parsePath('disks[0].speed')));
    assert.ok(!contains(parsePath('disks[*].speed'), parsePath('disks[0].speed')));
  });

  it('fills in defaults and names them, except those that are empty anyway', () => {
    const { inputs, failures } = checkInputs(SCHEMA, { name: 'n' });
    assert.deepEqual(failures, []);
    assert.deepEqual(inputs, { name: 'n', size: 8, [DEFAULTS]: ['size'] });
  });

  it('plans an unknown for what only the operation can tell', () => {
    const planned = planCreation(SCHEMA, { name: 'n', disks: [{ slot: 's' }] });
    assert.equal(planned['address'], UNKNOWN);
    assert.deepEqual(planned['disks'], [{ slot: 's', path: UNKNOWN }]);
  });

  it('sees a change with its path, and a replacement where it cannot be made in place', () => {
    const state = { name: 'n', size: 8, address: 'x', source: { id: 1 } };
    const kinds = (inputs: Parameters<typeof plan>[2], ignore?: string[]) =>
      Object.fromEntries(
        [...plan(SCHEMA, state, inputs, ignore).changes].map(([path, { kind, replace }]) => [path, [kind, replace]]),
      );
    assert.deepEqual(kinds(state), {});
    assert.deepEqual(kinds({ ...state, on: false }), {});
    assert.deepEqual(kinds({ ...state, size: 9 }), { size: ['update', false] });
    assert.deepEqual(kinds({ ...state, size: 9 }, ['size']), {});
    assert.deepEqual(kinds({ ...state, source: { id: 2 } }), { 'source.id': ['update', true] });
    assert.deepEqual(kinds({ name: 'n', size: 8 }), { source: ['delete', true] });
    assert.deepEqual(kinds({ ...state, source: UNKNOWN }), { source: ['update', true] });
  });

  it('takes refreshed values into the inputs that were given, and no others', () => {
    const refreshed = inputsFromState(
      { name: 'n', source: { id: 1 }, [DEFAULTS]: [] },
      { name: 'm', size: 3, source: { id: 2, x: 1 } },
    );
    assert.deepEqual(refreshed, { name: 'm', source: { id: 2 } });
  });
});
