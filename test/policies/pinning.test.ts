import { chartsPinned, noUnpinnedImages, noUnpinnedVersions } from '../../policies/pinning';
import { secret, UNKNOWN } from '../support/policies';
import { testPolicy } from '../support/policy-cases';
import { cluster, described } from '../support/policy-cluster';

const pod = (...images: string[]) => [
  described('kubernetes:core/v1:Pod', 'pod', { spec: { containers: images.map((image) => ({ image })) } }),
];
const config = (...images: string[]) => [
  described('talos:machine/configurationApply:ConfigurationApply', 'node', {
    machineConfigurationInput: secret(`machine:\n${images.map((image) => `  - image: ${image}\n`).join('')}`),
  }),
];
const one = (props: object) => [described('proxmoxve:download/file:File', 'image', props)];

describe('policies/pinning', () => {
  testPolicy(noUnpinnedImages, ({ passes, fails, unjudged }) => {
    passes('the cluster', cluster);
    passes('tag, digest, tag and digest', () =>
      pod('nginx:1.27.1', `nginx@sha256:${'a'.repeat(64)}`, `r.example:5000/a/b:1@sha256:${'a'.repeat(64)}`),
    );
    fails(
      'latest',
      () => pod('nginx:latest'),
      /pod: spec\.containers\[0\]\.image: .* found nginx:latest \(the tag moves\)/,
    );
    fails(
      'no tag',
      () => pod('nginx:1', 'r.example/nginx'),
      /containers\[1\]\.image: .* r\.example\/nginx \(no tag means latest\)/,
    );
    fails('a port is no tag', () => pod('r.example:5000/nginx'), /no tag means latest/);
    for (const tag of ['stable', 'main', 'edge', 'Nightly']) fails(tag, () => pod(`nginx:${tag}`), /the tag moves/);
    passes('in a machine configuration', () => config('r.example/installer:v1.12.0', '"r.example/kubelet:v1.34.1"'));
    fails(
      'in a machine configuration',
      () => config('r.example/a:v1', 'r.example/b:latest'),
      /machineConfigurationInput: .* r\.example\/b:latest/,
    );
    unjudged('one of two', () => pod(UNKNOWN.text, 'nginx'), /image/, [/found nginx/]);
  });

  testPolicy(noUnpinnedVersions, ({ passes, fails, unjudged }) => {
    passes('the cluster', cluster);
    passes('releases and API versions', () =>
      one({ talosVersion: 'v1.12.0', version: '1.2.3-rc.1', apiVersion: 'v1', x: 'latest' }),
    );
    for (const version of ['latest', 'stable', '^1.2.0', '>=1.2', '~1.2', '1.x', '*', '1.2 || 1.3'])
      fails(version, () => one({ talosVersion: version }), /image: talosVersion: expected a pinned version, found/);
    fails(
      'a URL',
      () => one({ url: 'https://factory.example/image/abc/latest/nocloud.raw' }),
      /image: url: .*\/latest\//,
    );
    unjudged('a version', () => one({ talosVersion: UNKNOWN.text, version: 'latest' }), /talosVersion/, [
      /version: .* latest/,
    ]);
  });

  testPolicy(chartsPinned, ({ passes, fails, unjudged }) => {
    const chart = (version?: string, type = 'v3:Release') => [
      described(`kubernetes:helm.sh/${type}`, 'cilium', { chart: 'cilium', version }),
    ];
    passes('a version', () => chart('1.16.1'));
    passes('no chart', cluster);
    fails('none', () => chart(), /cilium: expected a pinned chart version like 1\.2\.3, found none/);
    fails('a range', () => chart('^1.16.0'), /found \^1\.16\.0/);
    fails('of the newer resource', () => chart('latest', 'v4:Chart'), /found latest/);
    unjudged('the version', () => chart(UNKNOWN.text), /version/);
  });
});
