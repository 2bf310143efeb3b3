import assert from 'node:assert/strict';
import { bootConfiguration } from '../../config/bootConfiguration';
import { planCluster } from '../../config/plan';
import { production } from '../support/stack-files';

/** Digest for k8s-work-4, which has a GPU, under these patches of the cluster and of the node. */
function digest(cluster: Record<string, unknown>[], own: Record<string, unknown>[] = []): string | undefined {
  const config = production();
  config.talos.patches.cluster = cluster;
  const node = planCluster(config).nodes.find(({ name }) => name === 'k8s-work-4');
  assert.ok(node);
  return bootConfiguration(config, { ...node, patches: own });
}

describe('config/bootConfiguration', () => {
  it('is nothing where the stack file has no patches, or only such as a running machine takes over', () => {
    assert.equal(digest([]), undefined);
    assert.equal(digest([{ machine: { sysctls: { a: '1' }, features: { hostDNS: { enabled: true } } } }]), undefined);
    assert.equal(digest([{ cluster: { apiServer: { extraArgs: { v: '2' } } }, debug: true }]), undefined);
    assert.equal(
      digest([{ apiVersion: 'v1alpha1', kind: 'KmsgLogConfig', name: 'x', url: 'tcp://10.0.0.1' }]),
      undefined,
    );
  });

  it('follows what is read at boot, in whatever patch it stands, and nothing else', () => {
    const env = { machine: { env: { A: 'b' } } };
    const first = digest([env]);
    assert.match(first ?? '', /^[0-9a-f]{12}$/);
    assert.equal(digest([], [env]), first);
    assert.equal(digest([{ machine: { env: { A: 'b' }, sysctls: { a: '2' } } }]), first);
    assert.notEqual(digest([{ machine: { env: { A: 'c' } } }]), first);
    assert.notEqual(digest([{ machine: { features: { rbac: false } } }]), undefined);
  });

  it('takes over what a variant and a role say', () => {
    const config = production();
    config.talos.patches.gpu = [{ machine: { udev: { rules: ['x'] } } }];
    const of = (name: string) => {
      const node = planCluster(config).nodes.find((candidate) => candidate.name === name);
      return node && bootConfiguration(config, node);
    };
    assert.notEqual(of('k8s-work-4'), undefined);
    assert.equal(of('k8s-work-1'), undefined);
  });
});
