import assert from 'node:assert/strict';
import { planCluster } from '../../config/plan';
import { releaseTemplates } from '../../config/releaseTemplates';
import type { StackConfig } from '../../config/schema';
import { production } from '../support/stack-files';

function templates(change: (config: StackConfig) => void = () => undefined) {
  const config = production();
  change(config);
  return releaseTemplates(config, planCluster(config), 'argo');
}

/** Kinds whose content a change changes. */
function changedBy(change: (config: StackConfig) => void): string[] {
  const before = templates();
  return templates(change)
    .filter(({ data }, index) => JSON.stringify(data) !== JSON.stringify(before[index]?.data))
    .map(({ metadata }) => metadata.name);
}

describe('R000-8 templates of a release', () => {
  it('are applied in waves: templates, workers, control planes', () => {
    assert.deepEqual(
      templates().map(({ metadata }) => [metadata.name, metadata.annotations['argocd.argoproj.io/sync-wave']]),
      [
        ['prox-ops-machine', '-2'],
        ['prox-ops-worker', '-1'],
        ['prox-ops-controlplane', '0'],
      ],
    );
  });

  it('a new release changes all of them', () => {
    const all = ['prox-ops-machine', 'prox-ops-worker', 'prox-ops-controlplane'];
    assert.deepEqual(
      changedBy(({ releases }) => {
        releases.b = { talos: 'v1.12.4', kubernetes: 'v1.34.1' };
        releases.active = 'b';
      }),
      all,
    );
  });

  it('a change of workers alone leaves the control planes’ as it is, and so starts nothing', () => {
    const worker = ['prox-ops-worker'];
    assert.deepEqual(
      changedBy(({ roles }) => (roles.worker.memory = 16384)),
      worker,
    );
    assert.deepEqual(
      changedBy(({ talos }) => talos.extensions.gpu.pop()),
      worker,
    );
    assert.deepEqual(
      changedBy(({ nodes }) => {
        delete nodes['k8s-work-16'];
      }),
      worker,
    );
    assert.deepEqual(
      changedBy(({ talos }) => talos.patches.worker.push({ machine: { udev: { rules: [] } } })),
      worker,
    );
  });

  it('a change of control planes alone leaves the workers’ as it is', () => {
    assert.deepEqual(
      changedBy(({ roles }) => (roles.controlplane.cores = 8)),
      ['prox-ops-controlplane'],
    );
  });

  it('the order in which things stand in the stack file changes none', () => {
    assert.deepEqual(
      changedBy((config) => {
        config.talos.extensions.gpu.reverse();
        config.nodes = Object.fromEntries(Object.entries(config.nodes).reverse());
      }),
      [],
    );
  });
});
