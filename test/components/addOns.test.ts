import assert from 'node:assert/strict';
import type * as pulumi from '@pulumi/pulumi';
import { runtimeClassScheduling } from '../../components/runtimeClass';
import { planCluster } from '../../config/plan';
import type { StackConfig } from '../../config/schema';
import { PERMISSIONS } from '../../operations/src/clients/permissions';
import { production } from '../support/stack-files';
import { buildAddOns, NONE, type Registration } from './support/addOns';

const BINDING = 'kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding';

describe('AddOns', () => {
  let cluster: pulumi.Resource;

  async function build(...args: Parameters<typeof buildAddOns>): Promise<Registration[]> {
    const built = await buildAddOns(...args);
    cluster = built.cluster;
    return built.found;
  }

  const named = (found: Registration[], kind: string): Registration[] =>
    found.filter(({ type }) => type.endsWith(kind));
  const objects = (found: Registration[]): Registration[] => found.filter(({ type }) => type.startsWith('kubernetes:'));

  it('nothing wanted: not even a provider, which would talk to the API', async () => {
    assert.deepEqual(await build({}), []);
  });

  it('the provider survives a new kubeconfig and an API that is away, and takes objects over that are there', async () => {
    const [provider] = named(await build({ driverAccess: true }), 'pulumi:providers:kubernetes');
    const { clusterIdentifier, skipUpdateUnreachable, upsertExistingObjects, kubeClientSettings, ...rest } =
      provider?.inputs ?? {};
    assert.equal(String(rest.enableConfigMapMutable), 'true');
    assert.equal(clusterIdentifier, 'prox-ops');
    assert.deepEqual([String(skipUpdateUnreachable), String(upsertExistingObjects)], ['true', 'true']);
    assert.deepEqual(JSON.parse(String(kubeClientSettings)), { timeout: 30 });
  });

  it('every object is applied as prox-ops, and goes unasked when the whole cluster goes', async () => {
    const found = objects(
      await build({ driverAccess: true, nvidiaRuntimeClass: true, linstorHostDevices: ['/dev/sdb'] }),
    );
    assert.ok(found.length > 8);
    for (const { name, inputs, opts } of found) {
      assert.equal(inputs.metadata?.annotations['pulumi.com/patchFieldManager'], 'prox-ops', name);
      assert.equal(opts.deletedWith, cluster, name);
    }
  });

  it('driver access: the roles have a rule for every line of the table, bound to one service account', async () => {
    const found = await build({ driverAccess: true }, ({ rollout }) => {
      rollout.suspendFlux = ['apps'];
    });
    const roles = [...named(found, ':Role'), ...named(found, ':ClusterRole')];
    assert.equal(roles.flatMap(({ inputs }) => inputs.rules ?? []).length, PERMISSIONS.length);
    const [binding] = found.filter(({ type }) => type === BINDING);
    const subject = { kind: 'ServiceAccount', name: 'prox-ops', namespace: 'prox-ops' };
    assert.deepEqual(binding?.inputs.subjects, [subject]);
  });

  it('LINSTOR’s namespace is made for its role, never deleted, and not made where its controller has a URL', async () => {
    const storage = (found: Registration[]) =>
      named(found, ':Namespace').find(({ inputs }) => inputs.metadata?.name === 'piraeus-datastore');
    const made = storage(await build({ driverAccess: true }));
    assert.equal(made?.opts.retainOnDelete, true);
    assert.equal(made?.inputs.metadata?.labels['pod-security.kubernetes.io/enforce'], 'privileged');
    const withUrl = await build({ driverAccess: true }, ({ linstor }) => {
      if (linstor) linstor.url = 'http://10.0.0.1:3370';
    });
    assert.equal(storage(withUrl), undefined);
  });

  it('R000-9 the satellites’ host devices, on nodes with a data disk alone', async () => {
    const [custom] = named(await build({ linstorHostDevices: ['/dev/sdb'] }), ':LinstorSatelliteConfiguration');
    const spec = custom?.inputs.spec as {
      nodeAffinity: { nodeSelectorTerms: { matchExpressions: { values: string[] }[] }[] };
      storagePools: unknown;
    };
    assert.deepEqual(spec.storagePools, [{ name: 'lvm-thick', lvmPool: {}, source: { hostDevices: ['/dev/sdb'] } }]);
    const hosts = spec.nodeAffinity.nodeSelectorTerms[0]?.matchExpressions[0]?.values ?? [];
    assert.equal(hosts.length, 12);
    assert.ok(hosts.every((host) => host.startsWith('k8s-work-')));
  });

  it('a RuntimeClass of which Flux may change where its pods go', async () => {
    const [runtime] = named(await build({ nvidiaRuntimeClass: true }), ':RuntimeClass');
    assert.equal(runtime?.inputs.handler, 'nvidia');
    assert.deepEqual(runtime?.opts.ignoreChanges, ['scheduling', 'overhead']);
  });

  it('production wants access for the driver and the RuntimeClass of its GPU nodes', () => {
    assert.deepEqual(planCluster(production()).addons, { ...NONE, driverAccess: true, nvidiaRuntimeClass: true });
  });

  describe('where pods with a GPU go', () => {
    const gpu = (config: StackConfig) => Object.values(config.nodes).filter(({ variant }) => variant === 'gpu');

    it('to nodes with the label, where every GPU node has it', () => {
      const config = production();
      assert.deepEqual(runtimeClassScheduling(config).scheduling?.nodeSelector, { 'nvidia.com/gpu.present': 'true' });
      for (const node of gpu(config).slice(1)) node.labels = {};
      assert.deepEqual(runtimeClassScheduling(config), {});
    });

    it('past the taints of GPU nodes, each once', () => {
      const config = production();
      for (const node of gpu(config)) node.taints = { 'nvidia.com/gpu': 'true:NoSchedule' };
      assert.deepEqual(runtimeClassScheduling(config).scheduling?.tolerations, [
        { key: 'nvidia.com/gpu', operator: 'Exists', effect: 'NoSchedule' },
      ]);
    });
  });
});
