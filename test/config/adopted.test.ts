import assert from 'node:assert/strict';
import { nodeImage, templateImage } from '../../config/adopted';
import { planCluster, type NodePlan } from '../../config/plan';
import type { StackConfig } from '../../config/schema';
import { validate } from '../../config/validate';
import { production } from '../support/stack-files';

const NODE = 'k8s-work-4';

/** The production cluster with one node and its template as they were found. */
function adopted(): StackConfig {
  const config = production();
  const node = config.nodes[NODE];
  assert.ok(node);
  config.adopted.nodes[NODE] = {
    image: nodeImage(config, node),
    vmName: 'Talos.GPU',
    keep: ['bios'],
    keepConfiguration: true,
  };
  config.adopted.templates['a-thor-gpu'] = { image: templateImage(config, 'a', 'gpu'), vmId: 9907, keep: ['disks'] };
  return config;
}

function planned(config: StackConfig): NodePlan | undefined {
  return planCluster(config).nodes.find(({ name }) => name === NODE);
}

describe('R004-CR config: what was adopted', () => {
  it('stays as it was found, template id included, and the other nodes are not concerned', () => {
    const plan = planCluster(adopted());
    assert.deepEqual(planned(adopted())?.found?.keep, ['bios']);
    assert.equal(planned(adopted())?.templateVmId, 9907);
    assert.equal(plan.templates.find(({ key }) => key === 'a-thor-gpu')?.vmId, 9907);
    assert.deepEqual(
      plan.nodes.filter(({ found }) => found).map(({ name }) => name),
      [NODE],
    );
  });

  const replacing: Record<string, (config: StackConfig) => void> = {
    'another release': (config) => {
      config.releases.b = { talos: 'v1.12.4', kubernetes: 'v1.34.1' };
      config.releases.active = 'b';
    },
    'a patch that is read at boot': (config) =>
      void config.talos.patches.worker.push({ machine: { env: { GRPC_GO_LOG_SEVERITY_LEVEL: 'warning' } } }),
    'another extension': (config) => void config.talos.extensions.gpu.push('siderolabs/iscsi-tools'),
    'other kernel arguments': (config) => void (config.talos.kernelArgs.gpu = ['console=ttyS0']),
    'another host': (config) => void Object.assign(config.nodes[NODE] ?? {}, { host: 'odin', pci: [] }),
    'another VM id': (config) => void Object.assign(config.nodes[NODE] ?? {}, { vmId: 8055 }),
  };
  for (const [what, change] of Object.entries(replacing))
    it(`is what the file says again with ${what}, and so is replaced`, () => {
      const config = adopted();
      change(config);
      assert.equal(planned(config)?.found, undefined);
    });

  it('goes on as it was found when a release that was asked for is taken back', () => {
    const config = adopted();
    replacing['another release']?.(config);
    config.releases.active = 'a';
    assert.notEqual(planned(config)?.found, undefined);
  });

  it('is refused for a node that is not there, and for a template under the id of a node', () => {
    const config = adopted();
    config.adopted.nodes['k8s-work-99'] = { image: 'x', keep: [], keepConfiguration: false };
    config.adopted.templates['a-odin-standard'] = { image: 'x', vmId: 8001, keep: [] };
    assert.throws(
      () => validate({ ...config }),
      /adopted\.nodes\.k8s-work-99: expected the name of a node, found none of that name[\s\S]*adopted\.templates\.a-odin-standard\.vmId: expected a VM id of its own, found 8001, which node k8s-ctrl-1 has/,
    );
  });
});
