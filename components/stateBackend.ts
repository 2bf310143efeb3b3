import { Bucket } from '@pulumi/aws/s3/bucket';
import { BucketLifecycleConfiguration } from '@pulumi/aws/s3/bucketLifecycleConfiguration';
import { BucketOwnershipControls } from '@pulumi/aws/s3/bucketOwnershipControls';
import { BucketPolicy } from '@pulumi/aws/s3/bucketPolicy';
import { BucketPublicAccessBlock } from '@pulumi/aws/s3/bucketPublicAccessBlock';
import { BucketServerSideEncryptionConfiguration } from '@pulumi/aws/s3/bucketServerSideEncryptionConfiguration';
import { BucketVersioning } from '@pulumi/aws/s3/bucketVersioning';
import * as pulumi from '@pulumi/pulumi';
import { lifecycleRules, policyStatements, type Encryption, type Retention } from './stateBackendRules';

export interface StateBackendArgs {
  /** Name of the bucket. */
  bucket: string;
  /** AWS region of the bucket. */
  region: string;
  encryption: Encryption;
  retention: Retention;
}

/**
 * The bucket that keeps stacks' state (R004-FR4): every version of it for a time, encrypted, reachable over TLS only and
 * by nobody in public. Protected and retained: without the state nobody knows any more what was built.
 */
export class StateBackend extends pulumi.ComponentResource {
  /** For `pulumi login` and PULUMI_BACKEND_URL. */
  readonly url: pulumi.Output<string>;
  private readonly bucket: Bucket;

  constructor(
    private readonly name: string,
    private readonly args: StateBackendArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super('prox-ops:backend:StateBackend', name, {}, opts);
    this.bucket = new Bucket(name, { bucket: args.bucket, forceDestroy: false }, this.kept());
    this.createOwnership();
    this.createEncryption();
    this.createLifecycle(this.createVersioning());
    this.createPolicy(this.createPublicAccessBlock());
    this.url = pulumi.interpolate`s3://${this.bucket.bucket}?region=${args.region}`;
    this.registerOutputs({ url: this.url });
  }

  private createOwnership(): void {
    new BucketOwnershipControls(
      this.name,
      { bucket: this.bucket.bucket, rule: { objectOwnership: 'BucketOwnerEnforced' } },
      this.kept(),
    );
  }

  private createEncryption(): void {
    const { encryption } = this.args;
    new BucketServerSideEncryptionConfiguration(
      this.name,
      {
        bucket: this.bucket.bucket,
        rules: [
          {
            applyServerSideEncryptionByDefault: {
              sseAlgorithm: encryption.algorithm,
              ...(encryption.algorithm === 'aws:kms' && { kmsMasterKeyId: encryption.keyArn }),
            },
            // One request to KMS for many objects: the engine writes the state after every step.
            bucketKeyEnabled: encryption.algorithm === 'aws:kms',
          },
        ],
      },
      this.kept(),
    );
  }

  private createVersioning(): BucketVersioning {
    return new BucketVersioning(
      this.name,
      { bucket: this.bucket.bucket, versioningConfiguration: { status: 'Enabled' } },
      this.kept(),
    );
  }

  private createLifecycle(versioning: BucketVersioning): void {
    new BucketLifecycleConfiguration(
      this.name,
      { bucket: this.bucket.bucket, rules: lifecycleRules(this.args.retention) },
      this.kept(versioning),
    );
  }

  private createPublicAccessBlock(): BucketPublicAccessBlock {
    return new BucketPublicAccessBlock(
      this.name,
      {
        bucket: this.bucket.bucket,
        blockPublicAcls: true,
        blockPublicPolicy: true,
        ignorePublicAcls: true,
        restrictPublicBuckets: true,
      },
      this.kept(),
    );
  }

  /** After the access block: S3 refuses two changes of a bucket's access at the same time. */
  private createPolicy(block: BucketPublicAccessBlock): void {
    const policy = this.bucket.arn.apply((arn) =>
      JSON.stringify({ Version: '2012-10-17', Statement: policyStatements(arn, this.args.encryption) }),
    );
    new BucketPolicy(this.name, { bucket: this.bucket.bucket, policy }, this.kept(block));
  }

  private kept(...dependsOn: pulumi.Resource[]): pulumi.CustomResourceOptions {
    return { parent: this, protect: true, retainOnDelete: true, dependsOn };
  }
}
