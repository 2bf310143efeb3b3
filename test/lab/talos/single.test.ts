import { Site } from './site.js';

describe('talos: a cluster with one control plane', () => {
  let site: Site;
  before(async () => {
    site = await Site.open();
  });
  after(() => site?.close());

  it('brings every kubelet up after its bootstrap, though no other member joins', async () => {
    await site.cluster(2, 1);
    const expected = ['control-1', 'worker-1', 'worker-2'];
    await site.until('all kubelets are up', () => expected.every((node) => site.kubernetes.nodes.has(node)));
  });
});
