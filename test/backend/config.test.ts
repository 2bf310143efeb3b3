import assert from 'node:assert/strict';
import { validateBackend } from '../../backend/config';

describe("the backend stack's configuration", () => {
  it('fills in what is kept', () => {
    assert.deepEqual(validateBackend({ bucket: 'prox-ops-state' }), {
      bucket: 'prox-ops-state',
      keepVersions: 100,
      keepDays: 90,
    });
  });

  it('takes 30 versions and refuses 29', () => {
    assert.equal(validateBackend({ bucket: 'states', keepVersions: '30' }).keepVersions, 30);
    assert.throws(() => validateBackend({ bucket: 'states', keepVersions: '29' }), /from 30 to 100, found '29'/);
  });

  for (const bucket of ['ab', 'States', 'my.states', '-states', 'states-', 'xn--states', 'x-s3alias', 'a'.repeat(64)])
    it(`refuses the bucket name '${bucket.slice(0, 20)}'`, () => {
      assert.throws(() => validateBackend({ bucket }), /prox-ops-backend:bucket: expected 3 to 63 lower-case/);
    });

  it('tells every problem at once, each with its path', () => {
    assert.throws(
      () => validateBackend({ keepVersions: '1e2', keepDays: '0', kmsKeyArn: 'alias/states' }),
      (error: Error) => {
        assert.match(error.message, /^4 problem\(s\)/);
        assert.match(error.message, /prox-ops-backend:bucket: expected the name of the bucket, found nothing/);
        assert.match(error.message, /prox-ops-backend:keepVersions: .*found '1e2'/);
        assert.match(error.message, /prox-ops-backend:keepDays: .*found '0'/);
        assert.match(error.message, /prox-ops-backend:kmsKeyArn: expected the ARN of a key/);
        return true;
      },
    );
  });
});
