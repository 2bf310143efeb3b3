/** How S3 encrypts what is written into the bucket. */
export type Encryption = { algorithm: 'AES256' } | { algorithm: 'aws:kms'; keyArn: string };

/** How long replaced and deleted states are kept: a version goes only when both say so. */
export interface Retention {
  /** Newer replaced versions of an object that must exist before one goes, 1 to 100. */
  versions: number;
  /** Days since it was replaced. */
  days: number;
}

/** Where the Pulumi CLI keeps its locks. */
const LOCKS = '.pulumi/locks/';

/**
 * The bucket's lifecycle. A lock is an object of its own that is deleted after the update: one old version each, which
 * no count of newer versions would ever let go.
 */
export function lifecycleRules(retention: Retention) {
  return [
    {
      id: 'keep-replaced-states',
      status: 'Enabled',
      filter: { prefix: '' },
      noncurrentVersionExpiration: {
        newerNoncurrentVersions: retention.versions,
        noncurrentDays: retention.days,
      },
      expiration: { expiredObjectDeleteMarker: true },
      abortIncompleteMultipartUpload: { daysAfterInitiation: 7 },
    },
    {
      id: 'forget-released-locks',
      status: 'Enabled',
      filter: { prefix: LOCKS },
      noncurrentVersionExpiration: { noncurrentDays: 1 },
    },
  ];
}

interface Statement {
  Sid: string;
  Effect: 'Deny';
  Principal: '*';
  Action: string;
  Resource: string | string[];
  Condition: Record<string, Record<string, string>>;
}

const ALGORITHM = 's3:x-amz-server-side-encryption';
const KEY = 's3:x-amz-server-side-encryption-aws-kms-key-id';

/** What nobody may do with the bucket, its owner included. Who may use it is for IAM to say. */
export function policyStatements(bucketArn: string, encryption: Encryption): Statement[] {
  const objects = `${bucketArn}/*`;
  return [
    {
      Sid: 'DenyPlainHttp',
      Effect: 'Deny',
      Principal: '*',
      Action: 's3:*',
      Resource: [bucketArn, objects],
      Condition: { Bool: { 'aws:SecureTransport': 'false' } },
    },
    denyOther('DenyOtherEncryption', objects, ALGORITHM, encryption.algorithm),
    ...(encryption.algorithm === 'aws:kms' ? [denyOther('DenyOtherKey', objects, KEY, encryption.keyArn)] : []),
  ];
}

/**
 * A write that names no encryption gets the bucket's own, and the Pulumi CLI names none: only a write that names another
 * one is refused. Without `Null`, StringNotEquals would be true of a header that is absent.
 */
function denyOther(sid: string, objects: string, header: string, expected: string): Statement {
  return {
    Sid: sid,
    Effect: 'Deny',
    Principal: '*',
    Action: 's3:PutObject',
    Resource: objects,
    Condition: { Null: { [header]: 'false' }, StringNotEquals: { [header]: expected } },
  };
}
