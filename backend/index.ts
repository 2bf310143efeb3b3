import * as pulumi from '@pulumi/pulumi';
import { StateBackend } from '../components/stateBackend';
import { BACKEND_KEYS, validateBackend } from './config';

const config = new pulumi.Config();
const given = Object.fromEntries(BACKEND_KEYS.map((key) => [key, config.get(key)]));
const { bucket, keepVersions, keepDays, kmsKeyArn } = validateBackend(given);

const backend = new StateBackend('state', {
  bucket,
  region: new pulumi.Config('aws').require('region'),
  encryption: kmsKeyArn === undefined ? { algorithm: 'AES256' } : { algorithm: 'aws:kms', keyArn: kmsKeyArn },
  retention: { versions: keepVersions, days: keepDays },
});

/** Where the stacks of this bucket are: PULUMI_BACKEND_URL, or for `pulumi login`. */
export const backendUrl = backend.url;
