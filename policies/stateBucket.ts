import type { PolicyResource, StackValidationArgs } from '@pulumi/policy';
import { resourcePolicy, stackPolicy } from './support/define';

const BUCKETS = ['aws:s3/bucket:Bucket', 'aws:s3/bucketV2:BucketV2'];
const WHERE = 'Set it in components/stateBackend.ts.';

export const stateBucketProtected = resourcePolicy(
  {
    name: 'state-bucket-protected',
    description: 'Without the state nobody knows what was built: its bucket must outlive a destroy.',
  },
  BUCKETS,
  ({ resource, unknowns, report }) => {
    if (!resource.opts.protect)
      report(`${resource.name}: expected protect: true on the bucket, found it off. ${WHERE}`);
    unknowns.attempt(() => {
      if (resource.props.forceDestroy === true)
        report(`${resource.name}: expected forceDestroy: false, found true: it empties the bucket first. ${WHERE}`);
    });
  },
);

/** A policy on what is configured beside each bucket. */
function companionPolicy(
  name: string,
  description: string,
  type: string,
  wanted: { what: string; holds: (props: Record<string, unknown>) => boolean },
) {
  return stackPolicy({ name, description }, ({ stack, unknowns, report }) => {
    unknowns.each(buckets(stack), (bucket) => {
      const found = companions(stack, bucket, type);
      if (found.length === 0)
        report(`${bucket.name}: expected ${wanted.what}, found nothing that configures it. ${WHERE}`, bucket.urn);
      unknowns.each(found, (companion) => {
        if (!wanted.holds(companion.props))
          report(
            `${bucket.name}: expected ${wanted.what}, found it otherwise in ${companion.name}. ${WHERE}`,
            bucket.urn,
          );
      });
    });
  });
}

function buckets(stack: StackValidationArgs): PolicyResource[] {
  return stack.resources.filter(({ type }) => BUCKETS.includes(type));
}

/** Tied to the bucket by what feeds their `bucket` property, which is known even where its value is not. */
function companions(stack: StackValidationArgs, bucket: PolicyResource, type: string): PolicyResource[] {
  return stack.resources.filter(
    (resource) =>
      [type, `${type}V2`].includes(resource.type.split(':').at(-1) ?? '') &&
      resource.propertyDependencies.bucket?.some(({ urn }) => urn === bucket.urn),
  );
}

export const stateBucketEncrypted = companionPolicy(
  'state-bucket-encrypted',
  'The state holds the secrets of the whole cluster, encrypted by a passphrase alone.',
  'BucketServerSideEncryptionConfiguration',
  {
    what: 'server-side encryption with AES256 or aws:kms',
    holds: (props) => {
      const rules = props.rules as { applyServerSideEncryptionByDefault?: { sseAlgorithm?: string } }[] | undefined;
      return (rules ?? []).some((rule) =>
        ['AES256', 'aws:kms', 'aws:kms:dsse'].includes(rule.applyServerSideEncryptionByDefault?.sseAlgorithm ?? ''),
      );
    },
  },
);

export const stateBucketVersioned = companionPolicy(
  'state-bucket-versioned',
  'A state that was overwritten or deleted can only be had back from an older version.',
  'BucketVersioning',
  {
    what: 'versioning Enabled',
    holds: (props) => (props.versioningConfiguration as { status?: string } | undefined)?.status === 'Enabled',
  },
);

const BLOCKS = ['blockPublicAcls', 'blockPublicPolicy', 'ignorePublicAcls', 'restrictPublicBuckets'];

export const stateBucketPrivate = companionPolicy(
  'state-bucket-private',
  'A public state bucket hands the inventory and the encrypted secrets of the cluster to everybody.',
  'BucketPublicAccessBlock',
  { what: `all of ${BLOCKS.join(', ')}`, holds: (props) => BLOCKS.every((block) => props[block] === true) },
);
