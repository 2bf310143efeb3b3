import assert from 'node:assert/strict';
import * as pulumi from '@pulumi/pulumi';
import { StateBackend } from '../../components/stateBackend';
import type { Encryption } from '../../components/stateBackendRules';

/** What the tests look at of the resources' inputs. */
interface Inputs {
  bucket: string;
  forceDestroy: boolean;
  versioningConfiguration: unknown;
  rule: unknown;
  rules: LifecycleRule[];
  policy: string;
}

interface LifecycleRule {
  status: string;
  filter: unknown;
  noncurrentVersionExpiration: unknown;
  expiration?: { days?: number };
}

interface Statement {
  Sid: string;
  Effect: string;
  Principal: string;
  Action: string;
  Resource: string[];
  Condition: unknown;
}

interface Registration {
  type: string;
  name: string;
  inputs: Inputs;
  opts: pulumi.CustomResourceOptions;
}

const KEY = 'arn:aws:kms:eu-central-1:111122223333:key/0b1c';
const KINDS = [
  'aws:s3/bucket:Bucket',
  'aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration',
  'aws:s3/bucketOwnershipControls:BucketOwnershipControls',
  'aws:s3/bucketPolicy:BucketPolicy',
  'aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock',
  'aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration',
  'aws:s3/bucketVersioning:BucketVersioning',
];

describe('StateBackend', () => {
  let found: Registration[];
  let url: string;

  async function build(encryption: Encryption): Promise<void> {
    found = [];
    const inputs = new Map<string, Inputs>();
    await pulumi.runtime.setMocks({
      newResource: (args) => {
        inputs.set(args.type, args.inputs as Inputs);
        return { id: `${args.name}-id`, state: { ...args.inputs, arn: `arn:aws:s3:::${args.inputs.bucket}` } };
      },
      call: () => ({}),
    });
    const options = new Map<string, Omit<Registration, 'inputs'>>();
    // Mocks are not shown a resource's options; a transformation is.
    const record: pulumi.ResourceTransformation = ({ type, name, opts }) => {
      options.set(type, { type, name, opts });
      return undefined;
    };
    const args = { bucket: 'states', region: 'eu-central-1', encryption, retention: { versions: 30, days: 7 } };
    const backend = new StateBackend('state', args, { transformations: [record] });
    url = await new Promise((resolve) => backend.url.apply(resolve));
    await pulumi.runtime.disconnect();
    for (const [type, seen] of options) {
      const given = inputs.get(type);
      if (given && type !== 'prox-ops:backend:StateBackend') found.push({ ...seen, inputs: given });
    }
  }

  function only(kind: string): Registration {
    const matches = found.filter(({ type }) => type.endsWith(`:${kind}`));
    assert.equal(matches.length, 1, kind);
    return matches[0] as Registration;
  }

  describe('encrypted with a key of KMS', () => {
    before(() => build({ algorithm: 'aws:kms', keyArn: KEY }));

    it('makes one resource of each kind, children of the component, all in the same bucket', () => {
      assert.deepEqual(found.map(({ type }) => type).sort(), KINDS);
      for (const { type, inputs, opts } of found) {
        assert.equal(inputs.bucket, 'states', type);
        assert.equal((opts.parent as { __pulumiType?: string }).__pulumiType, 'prox-ops:backend:StateBackend', type);
      }
    });

    it('protects and retains every resource', () => {
      for (const { type, opts } of found) assert.deepEqual([opts.protect, opts.retainOnDelete], [true, true], type);
    });

    it('never empties the bucket to delete it', () => {
      assert.equal(only('Bucket').inputs.forceDestroy, false);
    });

    it('keeps versions', () => {
      assert.deepEqual(only('BucketVersioning').inputs.versioningConfiguration, { status: 'Enabled' });
    });

    it('encrypts with that key, through a bucket key', () => {
      assert.deepEqual(only('BucketServerSideEncryptionConfiguration').inputs.rules, [
        {
          applyServerSideEncryptionByDefault: { sseAlgorithm: 'aws:kms', kmsMasterKeyId: KEY },
          bucketKeyEnabled: true,
        },
      ]);
    });

    it('lets old versions go by count and age together, and released locks by age alone', () => {
      const [states, locks] = only('BucketLifecycleConfiguration').inputs.rules;
      assert.ok(states && locks);
      assert.deepEqual(states.noncurrentVersionExpiration, { newerNoncurrentVersions: 30, noncurrentDays: 7 });
      assert.deepEqual(states.filter, { prefix: '' });
      assert.equal(states.expiration?.days, undefined);
      assert.deepEqual(locks.noncurrentVersionExpiration, { noncurrentDays: 1 });
      assert.deepEqual(locks.filter, { prefix: '.pulumi/locks/' });
      assert.equal(locks.expiration, undefined);
      assert.deepEqual([states.status, locks.status], ['Enabled', 'Enabled']);
    });

    it('counts versions only once there are versions', () => {
      assert.deepEqual(dependencies('BucketLifecycleConfiguration'), ['BucketVersioning']);
    });

    it('blocks all public access, before the policy is written', () => {
      assert.deepEqual(only('BucketPublicAccessBlock').inputs, {
        bucket: 'states',
        blockPublicAcls: true,
        blockPublicPolicy: true,
        ignorePublicAcls: true,
        restrictPublicBuckets: true,
      });
      assert.deepEqual(dependencies('BucketPolicy'), ['BucketPublicAccessBlock']);
    });

    it("has one owner: no object's writer keeps rights of its own", () => {
      assert.deepEqual(only('BucketOwnershipControls').inputs.rule, { objectOwnership: 'BucketOwnerEnforced' });
    });

    it('refuses plain HTTP on the bucket and on every object', () => {
      const plain = statement('DenyPlainHttp');
      assert.deepEqual(plain.Condition, { Bool: { 'aws:SecureTransport': 'false' } });
      assert.deepEqual(plain.Resource, ['arn:aws:s3:::states', 'arn:aws:s3:::states/*']);
      assert.deepEqual([plain.Effect, plain.Principal, plain.Action], ['Deny', '*', 's3:*']);
    });

    it('refuses a write that names another encryption or another key, and only such a one', () => {
      const algorithm = 's3:x-amz-server-side-encryption';
      const key = `${algorithm}-aws-kms-key-id`;
      assert.deepEqual(statement('DenyOtherEncryption').Condition, {
        Null: { [algorithm]: 'false' },
        StringNotEquals: { [algorithm]: 'aws:kms' },
      });
      assert.deepEqual(statement('DenyOtherKey').Condition, {
        Null: { [key]: 'false' },
        StringNotEquals: { [key]: KEY },
      });
    });

    it('tells where the state is', () => {
      assert.equal(url, 's3://states?region=eu-central-1');
    });
  });

  describe("encrypted with S3's own keys", () => {
    before(() => build({ algorithm: 'AES256' }));

    it('names no key', () => {
      assert.deepEqual(only('BucketServerSideEncryptionConfiguration').inputs.rules, [
        { applyServerSideEncryptionByDefault: { sseAlgorithm: 'AES256' }, bucketKeyEnabled: false },
      ]);
      assert.deepEqual(
        policy().map(({ Sid }) => Sid),
        ['DenyPlainHttp', 'DenyOtherEncryption'],
      );
    });
  });

  function policy(): Statement[] {
    return (JSON.parse(only('BucketPolicy').inputs.policy) as { Statement: Statement[] }).Statement;
  }

  function statement(sid: string): Statement {
    const found = policy().find(({ Sid }) => Sid === sid);
    assert.ok(found, sid);
    return found;
  }

  function dependencies(kind: string): string[] {
    const { dependsOn } = only(kind).opts;
    return (dependsOn as pulumi.Resource[]).map((resource) => (resource.constructor as { name: string }).name);
  }
});
