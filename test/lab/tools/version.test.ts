import assert from 'node:assert/strict';
import { fits, isAtLeast, parseVersion } from '../../../lab/tools/version';

describe('tool versions', () => {
  const range = { from: 'v1.36.3', below: '1.37.0' };

  for (const version of ['1.36.3', 'v1.36.4', 'v1.36.12', 'v1.36.3+k3s1']) {
    it(`${version} fits 1.36.3 and later of 1.36`, () => assert.ok(fits(version, range)));
  }

  for (const version of ['v1.36.2', 'v1.35.9', 'v1.37.0', 'v2.0.0', 'v1.36.4-rc.1', 'v1.32.4-dispatcher', 'dev', '']) {
    it(`"${version}" does not`, () => assert.ok(!fits(version, range)));
  }

  it('compares numbers, not texts', () => {
    assert.ok(isAtLeast('1.26.10', '1.26.9'));
    assert.ok(!isAtLeast('1.9.9', '1.26.0'));
  });

  it('reads a version without its third number', () => {
    assert.deepEqual(parseVersion('1.26'), { major: 1, minor: 26, patch: 0, preRelease: '' });
  });
});
