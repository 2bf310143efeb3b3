import assert from 'node:assert/strict';
import { KubernetesProvider } from '../../../lab/plugins/kubernetes/provider.js';
import type { PropertyMap } from '../../../lab/plugins/protocol/values.js';
import { PluginClient } from './plugin-client.js';

const CONFIG = 'kubernetes:core/v1:ConfigMap';

/** Port 1 answers nobody. */
function kubeconfig(server = 'https://127.0.0.1:1'): string {
  return JSON.stringify({
    'current-context': 'c',
    clusters: [{ name: 'c', cluster: { server } }],
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
    users: [{ name: 'u', user: { token: 't' } }],
  });
}

describe('kubernetes plugin while the API is away', () => {
  const object = (data: PropertyMap): PropertyMap => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'settings', namespace: 'default' },
    data,
  });

  it('skipUpdateUnreachable: inputs and state stay as they were', async () => {
    const plugin = await PluginClient.start(new KubernetesProvider(), {
      kubeconfig: kubeconfig(),
      skipUpdateUnreachable: 'true',
    });
    try {
      const { inputs } = await plugin.check(CONFIG, object({ a: '2' }), object({ a: '1' }));
      assert.deepEqual(inputs, object({ a: '1' }));
    } finally {
      plugin.close();
    }
  });

  it('another address is another cluster, unless an identifier says that it is the same', () => {
    const provider = new KubernetesProvider();
    const [here, there] = [{ kubeconfig: kubeconfig() }, { kubeconfig: kubeconfig('https://127.0.0.2:1') }];
    assert.deepEqual(provider.diffConfig(here, there).replaces, ['kubeconfig']);
    const named = (config: PropertyMap, clusterIdentifier: string): PropertyMap => ({ ...config, clusterIdentifier });
    assert.deepEqual(provider.diffConfig(named(here, 'a'), named(there, 'a')).replaces, []);
    assert.deepEqual(provider.diffConfig(named(here, 'a'), named(here, 'b')).replaces, ['clusterIdentifier']);
  });
});
