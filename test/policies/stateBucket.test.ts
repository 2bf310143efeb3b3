import {
  stateBucketEncrypted,
  stateBucketPrivate,
  stateBucketProtected,
  stateBucketVersioned,
} from '../../policies/stateBucket';
import { UNKNOWN, type Described } from '../support/policies';
import { testPolicy } from '../support/policy-cases';
import { changed, described, withProps } from '../support/policy-cluster';

const BUCKET = described('aws:s3/bucket:Bucket', 'state', { bucket: 'states', forceDestroy: false }, { protect: true });

function beside(kind: string, props: object): Described {
  const type = `aws:s3/${kind.charAt(0).toLowerCase()}${kind.slice(1)}:${kind}`;
  return described(type, kind, { bucket: 'states', ...props }, { propertyDependencies: { bucket: [BUCKET.urn] } });
}

const OPEN = { blockPublicAcls: true, blockPublicPolicy: true, ignorePublicAcls: true, restrictPublicBuckets: true };

function backend(): Described[] {
  return [
    BUCKET,
    beside('BucketServerSideEncryptionConfiguration', {
      rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: 'AES256' } }],
    }),
    beside('BucketVersioning', { versioningConfiguration: { status: 'Enabled' } }),
    beside('BucketPublicAccessBlock', OPEN),
  ];
}

const without = (name: string) => backend().filter((resource) => resource.name !== name);

describe('policies/stateBucket', () => {
  testPolicy(stateBucketProtected, ({ passes, fails, unjudged }) => {
    passes('a protected bucket', backend);
    fails('an unprotected one', () => changed(backend(), 'state', { protect: false }), /state: expected protect: true/);
    fails(
      'one that is emptied first',
      () => withProps(backend(), 'state', { forceDestroy: true }),
      /forceDestroy: false/,
    );
    unjudged('forceDestroy', () => withProps(backend(), 'state', { forceDestroy: UNKNOWN.boolean }), /forceDestroy/);
    unjudged(
      'forceDestroy, of an unprotected bucket',
      () => changed(withProps(backend(), 'state', { forceDestroy: UNKNOWN.boolean }), 'state', { protect: false }),
      /forceDestroy/,
      [/protect: true/],
    );
  });

  testPolicy(stateBucketEncrypted, ({ passes, fails, unjudged }) => {
    const name = 'BucketServerSideEncryptionConfiguration';
    const rules = (sseAlgorithm: string) => ({ rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm } }] });
    passes('AES256', backend);
    passes('a key of KMS', () => withProps(backend(), name, rules('aws:kms')));
    passes('a stack without a bucket', () => []);
    fails(
      'no configuration',
      () => without(name),
      /state: expected server-side encryption .* found nothing that configures it/,
    );
    fails(
      'another algorithm',
      () => withProps(backend(), name, rules('none')),
      /found it otherwise in BucketServerSide/,
    );
    fails(
      'the configuration of another bucket',
      () => changed(backend(), name, { propertyDependencies: { bucket: ['urn:other'] } }),
      /found nothing that configures it/,
    );
    unjudged('the algorithm', () => withProps(backend(), name, rules(UNKNOWN.text)), /sseAlgorithm/);
  });

  testPolicy(stateBucketVersioned, ({ passes, fails, unjudged }) => {
    passes('versioning', backend);
    fails('no versioning', () => without('BucketVersioning'), /state: expected versioning Enabled, found nothing/);
    fails(
      'suspended',
      () => withProps(backend(), 'BucketVersioning', { versioningConfiguration: { status: 'Suspended' } }),
      /state: expected versioning Enabled, found it otherwise/,
    );
    unjudged(
      'the status',
      () => withProps(backend(), 'BucketVersioning', { versioningConfiguration: { status: UNKNOWN.text } }),
      /status/,
    );
  });

  testPolicy(stateBucketPrivate, ({ passes, fails, unjudged }) => {
    passes('all four blocks', backend);
    fails('no block', () => without('BucketPublicAccessBlock'), /expected all of blockPublicAcls.*found nothing/);
    for (const block of Object.keys(OPEN))
      fails(
        `${block} off`,
        () => withProps(backend(), 'BucketPublicAccessBlock', { [block]: false }),
        /found it otherwise in BucketPublicAccessBlock/,
      );
    unjudged(
      'one block',
      () => withProps(backend(), 'BucketPublicAccessBlock', { blockPublicPolicy: UNKNOWN.boolean }),
      /blockPublicPolicy/,
    );
  });
});
