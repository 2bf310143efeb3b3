import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { watch } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  ApiextensionsV1Api,
  CoreV1Api,
  type KubernetesObject,
  KubernetesObjectApi,
  makeInformer,
  NodeV1Api,
  PatchStrategy,
  type V1NodeStatus,
  type V1ResourceQuota,
} from '@kubernetes/client-node';
import { parseDocument } from 'yaml';
import { toLease } from '../../operations/src/actions/turnRecord';
import type { Lease } from '../../operations/src/clients/kubernetesObjects';
import { connect } from '../../operations/src/clients/session';
import { type BracketInputs, type Clock, followFlux, leave, realClock } from '../../operations/src/index';
import {
  adminConfig,
  DRIVER_USER,
  driverRequests,
  tableLines,
  withRules,
  writeDriverKubeconfig,
} from '../support/driver-identity';
import { EngineLab } from '../support/engine-lab';
import { REPOSITORY } from '../support/stack-files';
import { holds } from '../support/verdict';

const NODES = ['k8s-ctrl-1', 'k8s-ctrl-2', 'k8s-ctrl-3', 'k8s-work-1', 'k8s-work-2', 'k8s-work-4'];
const LINSTOR = 'piraeus-datastore';
/** One clock second of the lab's steps here. */
const FASTER = 50;

/** Of Flux' sources, those that the lab's own Flux does not have: plural and kind. */
const OTHER_SOURCES = { ocirepositories: 'OCIRepository', helmrepositories: 'HelmRepository', buckets: 'Bucket' };

interface SatelliteConfiguration {
  nodeAffinity: { nodeSelectorTerms: { matchExpressions: { values: string[] }[] }[] };
  storagePools: { name: string; source: { hostDevices: string[] } }[];
}

/** The add-ons on a cluster of six nodes, LINSTOR's controller reached through the API server alone. */
describe('add-ons on the real engine and API server', () => {
  let engine: EngineLab;
  let folder: string;
  let driverKubeconfig: string;
  const environment = { ...process.env };

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'prox-ops-addons-'));
    driverKubeconfig = join(folder, 'driver.kubeconfig');
    engine = await EngineLab.start({
      base: 140,
      nodes: NODES,
      rollout: { healthPasses: 1, suspendFlux: ['apps'] },
      auditedUsers: [DRIVER_USER],
    });
    setConfig(['prox-ops:linstor', 'url'], undefined);
    const up = await engine.proxOps('up');
    assert.equal(up.code, 0, up.output);
    await engine.lab.armed();
  });

  after(async () => {
    process.env = environment;
    await engine?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  function setConfig(path: string[], value: unknown): void {
    const document = parseDocument(readFileSync(engine.stackFile, 'utf8'));
    if (value === undefined) document.deleteIn(['config', ...path]);
    else document.setIn(['config', ...path], document.createNode(value));
    writeFileSync(engine.stackFile, document.toString({ lineWidth: 0 }));
  }

  it('the RuntimeClass sends its pods to the GPU node', async () => {
    const api = (await adminConfig(engine)).makeApiClient(NodeV1Api);
    const { handler, scheduling } = await api.readRuntimeClass({ name: 'nvidia' });
    assert.deepEqual([handler, scheduling?.nodeSelector], ['nvidia', { 'nvidia.com/gpu.present': 'true' }]);
  });

  it('a field that Flux takes over is Flux’ own: no difference, not even after a refresh', async () => {
    const objects = KubernetesObjectApi.makeApiClient(await adminConfig(engine));
    const body = {
      apiVersion: 'node.k8s.io/v1',
      kind: 'RuntimeClass',
      metadata: { name: 'nvidia', labels: { 'kustomize.toolkit.fluxcd.io/name': 'apps' } },
      handler: 'nvidia',
      scheduling: { nodeSelector: { 'nvidia.com/gpu.present': 'true', 'example.com/pool': 'ai' } },
    };
    await objects.patch(body, undefined, undefined, 'flux', true, PatchStrategy.ServerSideApply);
    const preview = await engine.pulumi(['preview', '--refresh', '--expect-no-changes']);
    assert.equal(preview.code, 0, preview.output);
  });

  it('R000-9 the satellites’ host devices are set once Piraeus has told what they are', async () => {
    await definePiraeus();
    setConfig(['prox-ops:addons'], { linstorHostDevices: ['/dev/sdb'] });
    const up = await engine.proxOps('up');
    assert.equal(up.code, 0, up.output);
    const objects = KubernetesObjectApi.makeApiClient(await adminConfig(engine));
    const metadata = { name: 'prox-ops-host-devices' };
    const found = await objects.read({ apiVersion: 'piraeus.io/v1', kind: 'LinstorSatelliteConfiguration', metadata });
    const { spec } = found as unknown as { spec: SatelliteConfiguration };
    const [pool] = spec.storagePools;
    assert.deepEqual([pool?.name, pool?.source.hostDevices], ['lvm-thick', ['/dev/sdb']]);
    const [term] = spec.nodeAffinity.nodeSelectorTerms;
    assert.deepEqual(
      term?.matchExpressions.flatMap(({ values }) => values).sort(),
      NODES.filter((name) => name.startsWith('k8s-work')),
    );
    const again = await engine.pulumi(['preview', '--refresh', '--expect-no-changes']);
    assert.equal(again.code, 0, again.output);
  });

  it('R001-4 replaces a control plane and a worker with the driver’s own role and nothing else', async () => {
    await pinnedVolume('k8s-work-1');
    await writeDriverKubeconfig(engine, driverKubeconfig);
    const released = await engine.proxOps('release', 'v1.12.4');
    assert.equal(released.code, 0, released.output);
    const given = { PROX_OPS_KUBECONFIG: driverKubeconfig };
    const roll = await engine.proxOpsWith(given, 'roll', '--yes', '--nodes', 'k8s-ctrl-2', 'k8s-work-1');
    assert.equal(roll.code, 0, roll.output);
    const status = await engine.proxOpsWith(given, 'status');
    assert.equal(status.code, 0, status.output);
    const orphans = await engine.proxOpsWith(given, 'orphans');
    assert.equal(orphans.code, 0, orphans.output);
    const verify = await engine.proxOpsWith(given, 'verify', '--json');
    assert.ok(verify.code === 0 || verify.code === 2, verify.output);
    const { refused, unknown } = driverRequests(engine);
    assert.deepEqual({ refused, unknown }, { refused: [], unknown: [] });
    await holds(engine);
  });

  it('a roll leaves the add-ons as they are', async () => {
    const preview = await engine.pulumi(['stack', 'export']);
    const { deployment } = JSON.parse(preview.stdout) as { deployment: { resources: { type: string }[] } };
    const types = deployment.resources.map(({ type }) => type);
    for (const kind of [
      'core/v1:ServiceAccount',
      'rbac.authorization.k8s.io/v1:ClusterRole',
      'node.k8s.io/v1:RuntimeClass',
    ])
      assert.ok(types.includes(`kubernetes:${kind}`), kind);
  });

  describe('steps that a rollout takes only at times', () => {
    let inputs: BracketInputs;

    before(async () => {
      inputs = await turnInputs('k8s-work-2');
      process.env.PROX_OPS_KUBECONFIG = driverKubeconfig;
      process.env.PATH = engine.lab.processEnvironment().PATH;
    });

    const context = { report: () => undefined, runId: 'test', holder: 'test@here:1' };

    it('a node that left for good is forgotten', async () => {
      const core = (await adminConfig(engine)).makeApiClient(CoreV1Api);
      await core.createNode({ body: { metadata: { name: 'gone' } } });
      await core.replaceNodeStatus({ name: 'gone', body: { metadata: { name: 'gone' }, status: lastSeen(inputs) } });
      const node = { ...inputs.node, name: 'gone', vmId: 7999, role: 'worker' as const };
      await removeInOwnProcess({ ...inputs, node });
      await assert.rejects(core.readNode({ name: 'gone' }), /404/);
    });

    it('a quota that refuses the network’s probe is named', async () => {
      const core = (await adminConfig(engine)).makeApiClient(CoreV1Api);
      const metadata = { name: 'no-pods', namespace: 'kube-system' };
      await core.createNamespacedResourceQuota({
        namespace: 'kube-system',
        body: { metadata, spec: { hard: { pods: '0' } } },
      });
      await quotaCounted(core);
      const health = await engine.proxOpsWith({ PROX_OPS_KUBECONFIG: driverKubeconfig }, 'health');
      await core.deleteNamespacedResourceQuota({ ...metadata });
      assert.equal(health.code, 2, health.output);
      assert.match(health.stdout, /its pod could not be created: .*exceeded quota: no-pods/);
    });

    it('LINSTOR’s controller is not reached with either half of the port-forward’s rule', async () => {
      for (const verb of ['get', 'create']) {
        await withRules(
          engine,
          LINSTOR,
          (role) => ({ ...role, rules: (role.rules ?? []).map((rule) => ({ ...rule, verbs: [verb] })) }),
          async () => {
            const { linstor } = await connect(inputs.access, realClock);
            await assert.rejects(linstor?.nodes() ?? assert.fail(), /403|orbidden/);
          },
        );
      }
      const { linstor } = await connect(inputs.access, realClock);
      assert.ok(((await linstor?.nodes()) ?? []).length > 0);
    });

    it('a holder on another machine is watched before its turn is taken over', async () => {
      await foreignLease();
      await leave('turn', inputs, { ...context, clock: fast() });
    });

    it('Flux is followed by all of its kinds, as a rebuild does', async () => {
      for (const [plural, kind] of Object.entries(OTHER_SOURCES))
        await define({ plural, kind, group: 'source.toolkit.fluxcd.io', scope: 'Namespaced' });
      const { kubernetes } = await connect(inputs.access, realClock);
      const ends = new AbortController();
      const following = followFlux(kubernetes, { clock: fast(), signal: ends.signal }, () => undefined);
      await requested(['gitrepositories', ...Object.keys(OTHER_SOURCES)].map((plural) => `watch ${plural}`));
      ends.abort();
      await following;
    });

    it('nothing is granted that is not used, and nothing used that is not granted', () => {
      const { used, unknown } = driverRequests(engine);
      assert.deepEqual(unknown, []);
      // The API server asks for `create` beside the WebSocket's `get`, which is the request: see the port-forward's test.
      const granted = tableLines().filter((line) => line !== 'create pods/portforward');
      assert.deepEqual([...used].sort(), [...new Set(granted)].sort());
    });
  });

  function fast(): Clock {
    const start = Date.now();
    return {
      now: () => start + (Date.now() - start) * FASTER,
      delay: (ms, signal) => realClock.delay(ms / FASTER, signal),
    };
  }

  /** Resolves once the driver has asked for all of these, by the API server's audit log. */
  async function requested(lines: string[]): Promise<void> {
    const asked = () => {
      const { used } = driverRequests(engine);
      return lines.every((line) => used.has(line));
    };
    const changes = watch(engine.lab.parts.kubernetes.auditLog)[Symbol.asyncIterator]();
    while (!asked()) await changes.next();
    await changes.return?.();
  }

  /** A quota refuses nothing before it has been counted once. */
  async function quotaCounted(core: CoreV1Api): Promise<void> {
    const path = '/api/v1/namespaces/kube-system/resourcequotas';
    const list = () => core.listNamespacedResourceQuota({ namespace: 'kube-system' });
    const informer = makeInformer(await adminConfig(engine), path, list);
    await new Promise<void>((resolve, reject) => {
      const look = (quota: V1ResourceQuota) => quota.status?.hard?.pods === '0' && resolve();
      informer.on('add', look);
      informer.on('update', look);
      informer.on('error', reject);
      informer.start().catch(reject);
    });
    await informer.stop();
  }

  /** The definition that Flux installs with Piraeus. */
  async function definePiraeus(): Promise<void> {
    const plural = 'linstorsatelliteconfigurations';
    await define({ plural, kind: 'LinstorSatelliteConfiguration', group: 'piraeus.io', scope: 'Cluster' });
  }

  /** A definition without its schema. */
  async function define({ plural, kind, group, scope }: Record<'plural' | 'kind' | 'group' | 'scope', string>) {
    const api = (await adminConfig(engine)).makeApiClient(ApiextensionsV1Api);
    const openAPIV3Schema = { type: 'object', x_kubernetes_preserve_unknown_fields: true };
    const version = { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema } };
    await api.createCustomResourceDefinition({
      body: {
        apiVersion: 'apiextensions.k8s.io/v1',
        kind: 'CustomResourceDefinition',
        metadata: { name: `${plural}.${group}` },
        spec: { group, scope, names: { plural, singular: kind.toLowerCase(), kind }, versions: [version] },
      },
    });
  }

  /** A pod that stays with its node and has a claim: its volume is looked up before the node goes. */
  async function pinnedVolume(node: string): Promise<void> {
    const core = (await adminConfig(engine)).makeApiClient(CoreV1Api);
    const metadata = { name: 'pinned', namespace: 'default' };
    const resources = { requests: { storage: '1Gi' } };
    await core.createNamespacedPersistentVolumeClaim({
      namespace: 'default',
      body: { metadata, spec: { accessModes: ['ReadWriteOnce'], storageClassName: '', resources } },
    });
    const annotations = { 'kubernetes.io/config.mirror': 'by-hand' };
    await core.createNamespacedPod({
      namespace: 'default',
      body: {
        metadata: { ...metadata, annotations },
        spec: {
          nodeName: node,
          containers: [{ name: 'main', image: 'example.net/pinned:1' }],
          volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'pinned' } }],
        },
      },
    });
  }

  /** Node takes a private authority, as Proxmox has it here, from its environment when it starts. */
  async function removeInOwnProcess(removed: BracketInputs): Promise<void> {
    const file = join(folder, 'inputs.json');
    writeFileSync(file, JSON.stringify(removed), { mode: 0o600 });
    const script = `require('@prox-ops/operations').removeNode(JSON.parse(require('fs').readFileSync(process.argv[1])))`;
    const env = { ...engine.lab.processEnvironment(), PROX_OPS_KUBECONFIG: driverKubeconfig };
    await promisify(execFile)(process.execPath, ['-e', script, file], { cwd: REPOSITORY, env });
  }

  /** What the kubelet of the planned machine would have written last. */
  function lastSeen({ node }: BracketInputs): V1NodeStatus {
    const text = { architecture: 'amd64', operatingSystem: 'linux', osImage: 'Talos', kernelVersion: '6.12' };
    const versions = { containerRuntimeVersion: 'containerd://2.1', kubeletVersion: 'v1.34.1', kubeProxyVersion: '' };
    return { nodeInfo: { ...text, ...versions, bootID: 'b', machineID: 'm', systemUUID: node.uuid } };
  }

  async function foreignLease(): Promise<void> {
    const objects = KubernetesObjectApi.makeApiClient(await adminConfig(engine));
    const at = Date.now() - 3_600_000;
    const elsewhere = { host: 'elsewhere', scope: 'other', pid: 1, start: '1', engine: [] };
    const holder = { holder: 'somebody@elsewhere:1', run: 'other', process: elsewhere };
    const record = { ...holder, renewedAt: at, acquiredAt: at, seconds: 30, transitions: 1 };
    const metadata = { name: 'prox-ops-rollout', namespace: 'kube-system' };
    const base = await objects.read({ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata });
    await objects.replace(toLease(record, 'kube-system', base as unknown as Lease) as unknown as KubernetesObject);
  }

  /** What the node's RolloutTurn has in the state. */
  async function turnInputs(node: string): Promise<BracketInputs> {
    const exported = await engine.pulumi(['stack', 'export', '--show-secrets']);
    const { deployment } = JSON.parse(exported.stdout) as {
      deployment: { resources: { urn: string; inputs: Record<string, { plaintext?: string }> }[] };
    };
    const turn = deployment.resources.find(({ urn }) => urn.includes(':RolloutTurn::') && urn.includes(node));
    if (!turn) throw new Error(`no turn of ${node} in the state`);
    const access = JSON.parse(turn.inputs.access?.plaintext ?? '') as BracketInputs['access'];
    return { ...(turn.inputs as unknown as BracketInputs), access };
  }
});
