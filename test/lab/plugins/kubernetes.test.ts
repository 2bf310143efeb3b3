import assert from 'node:assert/strict';
import { PROGRAMS } from '../../../lab/kubernetes/index.js';
import { KubernetesProvider } from '../../../lab/plugins/kubernetes/provider.js';
import { Secret, UNKNOWN } from '../../../lab/plugins/protocol/values.js';
import type { PropertyMap } from '../../../lab/plugins/protocol/values.js';
import { ensureTools } from '../../../lab/tools/index.js';
import { plan, Stage } from '../kubernetes/support.js';
import { PluginClient } from './plugin-client.js';
import { testBase } from '../../support/network';

const NAMESPACE = 'kubernetes:core/v1:Namespace';
const CONFIG = 'kubernetes:core/v1:ConfigMap';
const SECRET = 'kubernetes:core/v1:Secret';
const ROLE = 'kubernetes:rbac.authorization.k8s.io/v1:ClusterRole';
const RUNTIME = 'kubernetes:node.k8s.io/v1:RuntimeClass';
const LEASE = 'kubernetes:coordination.k8s.io/v1:Lease';
const CRD = 'kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition';
const WIDGET = 'kubernetes:example.com/v1:Widget';

describe('kubernetes plugin on the real control plane', () => {
  let stage: Stage;
  let plugin: PluginClient;

  before(async () => {
    process.env['PROX_OPS_PLUGIN_POLL_MS'] = '15';
    stage = new Stage(106, await ensureTools(PROGRAMS));
    await stage.start(plan(stage.network, 1, 0));
    plugin = await PluginClient.start(new KubernetesProvider(), { kubeconfig: await stage.cluster.adminKubeconfig() });
  });

  after(async () => {
    plugin?.close();
    await stage?.close();
    delete process.env['PROX_OPS_PLUGIN_POLL_MS'];
  });

  const make = async (type: string, news: PropertyMap) => {
    const { inputs } = await plugin.check(type, news);
    return { ...(await plugin.create(type, inputs)), inputs };
  };

  const config = (data: PropertyMap, metadata: PropertyMap = { name: 'settings' }): PropertyMap => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata,
    data,
  });

  it('creates, sees no drift, and waits for the end of a delete', async () => {
    const made = await make(NAMESPACE, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'plugin' } });
    assert.equal(made.id, 'plugin');
    assert.equal((await plugin.diff(NAMESPACE, made, made.inputs)).changes, false);
    const seen = await plugin.read(NAMESPACE, made, made.inputs);
    assert.deepEqual(seen?.inputs, made.inputs);
    await plugin.delete(NAMESPACE, made);
    assert.equal(await plugin.read(NAMESPACE, made, made.inputs), undefined);
  });

  it('names what the program did not name, in the namespace default', async () => {
    const made = await make(CONFIG, config({ a: '1' }, {}));
    assert.match(made.id, /^default\/thing-[0-9a-f]{8}$/);
    const again = await plugin.check(CONFIG, config({ a: '1' }, {}), made.inputs);
    assert.deepEqual(again.inputs['metadata'], made.inputs['metadata']);
    await plugin.delete(CONFIG, made);
  });

  it('replaces a ConfigMap whose data changes, and changes its labels in place', async () => {
    const made = await make(CONFIG, config({ a: '1' }));
    const data = await plugin.diff(CONFIG, made, config({ a: '2' }));
    assert.deepEqual(
      [data.detail, data.replaces, data.deleteBeforeReplace],
      [{ 'data.a': 'UPDATE_REPLACE' }, ['data'], true],
    );
    const labelled = config({ a: '1' }, { name: 'settings', labels: { 'example.com/x': 'y' } });
    const labels = await plugin.diff(CONFIG, made, labelled);
    assert.deepEqual(labels.replaces, []);
    const changed = await plugin.update(CONFIG, made, labelled);
    assert.equal((await plugin.diff(CONFIG, changed, labelled)).changes, false);
    const removed = await plugin.update(CONFIG, changed, config({ a: '1' }));
    assert.equal((removed.properties['metadata'] as PropertyMap)['labels'], undefined);
    await plugin.delete(CONFIG, removed);
  });

  it('keeps the content of a Secret secret', async () => {
    const made = await make(SECRET, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 's' },
      stringData: { k: 'v' },
    });
    assert.ok(made.properties['data'] instanceof Secret && made.inputs['data'] instanceof Secret);
    assert.equal((await plugin.diff(SECRET, made, made.inputs)).changes, false);
    await plugin.delete(SECRET, made);
  });

  it('takes any kind: cluster roles, runtime classes, leases', async () => {
    const rules = [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }];
    const role = await make(ROLE, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: 'r' },
      rules,
    });
    const runtime = await make(RUNTIME, {
      apiVersion: 'node.k8s.io/v1',
      kind: 'RuntimeClass',
      metadata: { name: 'nvidia' },
      handler: 'nvidia',
    });
    const lease = await make(LEASE, {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'l' },
      spec: { holderIdentity: 'me' },
    });
    assert.deepEqual([role.id, runtime.id, lease.id], ['r', 'nvidia', 'default/l']);
    for (const [type, made] of [
      [ROLE, role],
      [RUNTIME, runtime],
      [LEASE, lease],
    ] as const) {
      assert.equal((await plugin.diff(type, made, made.inputs)).changes, false);
      await plugin.delete(type, made);
    }
  });

  it('knows a custom kind as soon as its definition is established', async () => {
    const names = { plural: 'widgets', singular: 'widget', kind: 'Widget' };
    const schema = { openAPIV3Schema: { type: 'object', x_kubernetes_preserve_unknown_fields: true } };
    const definition = await make(CRD, {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'widgets.example.com' },
      spec: {
        group: 'example.com',
        scope: 'Namespaced',
        names,
        versions: [{ name: 'v1', served: true, storage: true, schema }],
      },
    });
    const widget = await make(WIDGET, {
      apiVersion: 'example.com/v1',
      kind: 'Widget',
      // In the foreground it waits until the garbage collector has found the new kind, up to 30 s.
      metadata: { name: 'w', annotations: { 'pulumi.com/deletionPropagationPolicy': 'background' } },
      spec: { size: 1 },
    });
    assert.equal(widget.id, 'default/w');
    await plugin.delete(WIDGET, widget);
    await plugin.delete(CRD, definition);
  });

  it('refuses an object that exists already, saying how to take it over', async () => {
    const made = await make(CONFIG, config({ a: '1' }));
    await assert.rejects(make(CONFIG, config({ a: '1' })), /already exists[\s\S]*pulumi import/);
    const adopted = await plugin.read(CONFIG, { id: 'default/settings', properties: {} }, {});
    assert.deepEqual((adopted?.inputs['data'] as PropertyMap)['a'], '1');
    await plugin.delete(CONFIG, made);
  });

  it('lets the server judge a preview, and leaves the unknown alone', async () => {
    const planned = await plugin.create(CONFIG, config({ a: '1' }), true);
    assert.equal(planned.id, '');
    assert.equal(await plugin.read(CONFIG, { id: 'default/settings', properties: {} }, {}), undefined);
    const later = await plugin.create(CONFIG, config({ a: UNKNOWN }), true);
    assert.equal((later.properties['data'] as PropertyMap)['a'], UNKNOWN);
  });

  it('decodes YAML', async () => {
    const text =
      'apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n';
    const { result } = await plugin.invoke('kubernetes:yaml:decode', { text, defaultNamespace: 'ns' });
    assert.deepEqual(
      (result as PropertyMap[]).map(({ metadata }) => metadata),
      [{ name: 'a' }, { name: 'b', namespace: 'ns' }],
    );
  });

  it('says that a cluster cannot be reached, and what to do', async () => {
    const nobody = { server: `https://127.${testBase(106)}.99.99:6443` };
    const kubeconfig = JSON.stringify({
      'current-context': 'c',
      clusters: [{ name: 'c', cluster: nobody }],
      contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
      users: [{ name: 'u', user: {} }],
    });
    const lonely = await PluginClient.start(new KubernetesProvider(), { kubeconfig });
    try {
      await assert.rejects(lonely.create(CONFIG, config({ a: '1' })), /configured Kubernetes cluster is unreachable/);
      const read = lonely.read(CONFIG, { id: 'default/x', properties: config({}) }, config({}));
      await assert.rejects(read, /PULUMI_K8S_DELETE_UNREACHABLE/);
    } finally {
      lonely.close();
    }
  });
});
