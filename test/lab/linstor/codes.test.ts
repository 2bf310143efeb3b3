import assert from 'node:assert/strict';
import { stringify } from '../../../lab/linstor/http/json.js';
import { CODE, httpStatus, OBJECT, OP, PARSE_ERROR, returnCode } from '../../../lab/linstor/model/codes.js';
import { timestamp } from '../../../lab/linstor/model/replies.js';

describe('LINSTOR return codes', () => {
  it('are the signed 64-bit values that a real controller sent', () => {
    const recorded: [bigint, bigint][] = [
      [returnCode('success', CODE.created, OP.create, OBJECT.node), 20709377n],
      [returnCode('success', CODE.authenticated, OP.create, OBJECT.node), 20709385n],
      [returnCode('success', CODE.deleted, OP.delete, OBJECT.node), 54263810n],
      [returnCode('success', 0, OP.none, OBJECT.node), 3932160n],
      [returnCode('success', CODE.modified, OP.modify, OBJECT.resource), 36962307n],
      [returnCode('success', CODE.created, OP.create, OBJECT.group), 21233665n],
      [returnCode('success', CODE.created, OP.create, OBJECT.volumeDefinition), 19922945n],
      [returnCode('info', CODE.infoTieBreakerCreated, OP.create, OBJECT.resource), 4611686018447582995n],
      [returnCode('warning', CODE.warnNotEvacuating), -9223372036854774788n],
      [returnCode('warning', CODE.warnNotConnected, OP.create, OBJECT.node), -9223372036834065430n],
      [returnCode('warning', CODE.warnNotFound, OP.delete, OBJECT.resource), -9223372036801033288n],
      [returnCode('error', 0), -4611686018427387904n],
      [returnCode('error', CODE.notFoundNode), -4611686018427387604n],
      [returnCode('error', CODE.inUse, OP.modify, OBJECT.resource), -4611686018390424603n],
      [returnCode('error', CODE.nodeHasUsedResources, OP.delete, OBJECT.node), -4611686018373123863n],
      [returnCode('error', CODE.evacuating, OP.create, OBJECT.resource), -4611686018407201841n],
      [PARSE_ERROR, -3458764513820540931n],
    ];
    for (const [composed, sent] of recorded) assert.equal(composed, sent);
  });

  it('give the status of the first error, whatever succeeded around it', () => {
    const created = returnCode('success', CODE.created);
    assert.equal(httpStatus([created], 201), 201);
    assert.equal(httpStatus([created, returnCode('warning', CODE.warnNotEvacuating)], 200), 200);
    assert.equal(httpStatus([created, returnCode('error', CODE.notFoundGroup)], 201), 404);
    assert.equal(httpStatus([created, returnCode('error', CODE.inUse), returnCode('error', 300)], 200), 500);
    assert.equal(httpStatus([returnCode('error', 0)], 200), 500, 'code 0 is an error, too');
    assert.equal(httpStatus([PARSE_ERROR], 200), 500);
  });
});

describe('LINSTOR JSON', () => {
  it('writes integers beyond 2^53 with all their digits', () => {
    assert.equal(
      stringify({ a: 9223372036854775807n, b: [-4611686018427387904n] }),
      '{"a":9223372036854775807,"b":[-4611686018427387904]}',
    );
  });

  it('leaves out what is not set and escapes text', () => {
    assert.equal(
      stringify({ a: undefined, b: 'x"\n', c: null, d: 31.5, e: {} }),
      '{"b":"x\\"\\n","c":null,"d":31.5,"e":{}}',
    );
  });

  it('refuses what has no form in JSON', () => {
    assert.throws(() => stringify({ a: NaN }), TypeError);
    assert.throws(() => stringify(() => 1), TypeError);
  });

  it('gives times in nanoseconds that never run backwards within one moment', () => {
    const first = timestamp(1795269355756);
    const second = timestamp(1795269355756);
    assert.match(first, /^2026-11-21T13:55:55\.756\d*Z$/);
    const nanoseconds = (text: string): number => Number(/\.(\d+)Z/.exec(text)![1]!.padEnd(9, '0'));
    assert.ok(nanoseconds(first) < nanoseconds(second), `${first} < ${second}`);
  });
});
