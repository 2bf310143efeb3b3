import assert from 'node:assert/strict';
import { homedir } from 'node:os';
import { stateLocation } from '../../../driver/locks/location';

describe('where the locks of a backend are', () => {
  const s3 = { kind: 's3', bucket: 'states', prefix: '', forcePathStyle: false };
  const cases: [url: string, expected: unknown][] = [
    ['file:///var/states', { kind: 'file', directory: '/var/states' }],
    ['file:///var/states?no_tmp_dir=true', { kind: 'file', directory: '/var/states' }],
    ['file://~', { kind: 'file', directory: homedir() }],
    ['file://~/states', { kind: 'file', directory: `${homedir()}/states` }],
    ['file://.', { kind: 'file', directory: '/project' }],
    ['s3://states', s3],
    ['s3://states?region=eu-central-1&awssdk=v2', { ...s3, region: 'eu-central-1' }],
    ['s3://states/team/a/?profile=ops', { ...s3, prefix: 'team/a/', profile: 'ops' }],
    [
      's3://states?endpoint=http://127.0.0.1:7070&s3ForcePathStyle=true',
      { ...s3, endpoint: 'http://127.0.0.1:7070', forcePathStyle: true },
    ],
    [
      's3://states?endpoint=s3.example.test&use_path_style=true',
      { ...s3, endpoint: 'https://s3.example.test', forcePathStyle: true },
    ],
    ['s3://states?endpoint=s3.example.test:80&disableSSL=true', { ...s3, endpoint: 'http://s3.example.test:80' }],
    ['gs://states', undefined],
    ['https://api.example.test', undefined],
  ];
  for (const [url, expected] of cases)
    it(url, () => {
      assert.deepEqual(stateLocation(url, '/project'), expected);
    });
});
