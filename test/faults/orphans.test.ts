import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiextensionsV1Api, KubeConfig, KubernetesObjectApi } from '@kubernetes/client-node';
import { parse } from 'yaml';
import type { Leftover } from '../../driver/orphans/leftover';
import { editStack, registered, seen } from '../support/engine-cluster';
import { EngineLab } from '../support/engine-lab';
import { holds } from '../support/verdict';

const NODES = ['k8s-ctrl-1', 'k8s-ctrl-2', 'k8s-ctrl-3', 'k8s-work-1', 'k8s-work-2', 'k8s-work-3', 'k8s-work-5'];
/** Of the nodes that are taken away: a control plane and a worker. */
const LOST = { 'k8s-ctrl-3': 8003, 'k8s-work-3': 8006 };
const SCHEMATIC = '0123456789ab';

interface Found {
  leftovers: Leftover[];
  unknown: string[];
}

interface Resource {
  urn: string;
  parent?: string;
  dependencies?: string[];
  propertyDependencies?: Record<string, string[]>;
}

describe('R002 what a cluster leaves behind is found, judged by every source, and goes on confirmation alone', () => {
  let engine: EngineLab;
  let folder: string;
  /** Id of a template that slot b would have, of the standard variant on odin. */
  let templateId: number;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'prox-ops-orphans-'));
    engine = await EngineLab.start({ base: 156, nodes: NODES });
    const up = await engine.proxOps('up');
    assert.equal(up.code, 0, up.output);
    await engine.lab.armed();
  });

  after(async () => {
    await engine?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function listed(): Promise<Found> {
    const { code, stdout, output } = await engine.proxOps('orphans', '--json');
    assert.equal(code, 0, output);
    return JSON.parse(stdout) as Found;
  }

  /** Names by verdict, of one kind or of all. */
  function named({ leftovers }: Found, verdict: string, kind?: string): string[] {
    return leftovers
      .filter((leftover) => leftover.verdict === verdict && (kind === undefined || leftover.kind === kind))
      .map(({ name }) => name);
  }

  /** Everything that could be deleted, as the hosts, the cluster and its storage have it. */
  async function everything(): Promise<string[]> {
    const { site } = engine.lab.parts.proxmox;
    const volumes = site.hosts
      .all()
      .flatMap(({ name }) =>
        site.volumes
          .on(name)
          .flatMap((storage) => site.volumes.list(storage.name, name).map(({ volid }) => `${name} ${volid}`)),
      );
    const vms = site.vms.all().map(({ vmid }) => `VM ${vmid}`);
    const mappings = site.mappings.all().map(({ id }) => `mapping ${id}`);
    return [...volumes, ...vms, ...mappings, ...(await members())].sort();
  }

  async function members(): Promise<string[]> {
    const nodes = (await registered(engine)).map((name) => `node ${name}`);
    const { linstor } = engine.lab.status();
    const etcd = engine.lab.status().etcd.members.map(({ node }) => `member ${node}`);
    return [...nodes, ...linstor.nodes.map(({ name }) => `satellite ${name}`), ...etcd];
  }

  async function admin(): Promise<KubeConfig> {
    const config = new KubeConfig();
    config.loadFromString(await engine.lab.parts.kubernetes.adminKubeconfig());
    return config;
  }

  function withoutNode(resources: Resource[], node: string): Resource[] {
    const component =
      resources.find(({ urn }) => urn.endsWith(`prox-ops:node:TalosNode::${node}`))?.urn ?? assert.fail(node);
    const gone = new Set(
      resources.filter(({ urn, parent }) => urn === component || parent === component).map(({ urn }) => urn),
    );
    const kept = (urns: string[] = []) => urns.filter((urn) => !gone.has(urn));
    return resources
      .filter(({ urn }) => !gone.has(urn))
      .map((resource) => ({
        ...resource,
        dependencies: kept(resource.dependencies),
        propertyDependencies: Object.fromEntries(
          Object.entries(resource.propertyDependencies ?? {}).map(([key, urns]) => [key, kept(urns)]),
        ),
      }));
  }

  /** As after an accident: taken out of stack file and state, and its machine removed by hand, so that nobody forgot it. */
  async function lose(): Promise<void> {
    editStack(engine, (document, nodes) => {
      // Another control plane is to take its place: their number stays odd.
      document.setIn([...nodes, 'k8s-ctrl-4'], document.getIn([...nodes, 'k8s-ctrl-3'], true));
      for (const name of Object.keys(LOST)) document.deleteIn([...nodes, name]);
    });
    const file = join(folder, 'state.json');
    const exported = await engine.pulumi(['stack', 'export', '--file', file]);
    assert.equal(exported.code, 0, exported.output);
    const state = JSON.parse(readFileSync(file, 'utf8')) as { deployment: { resources: Resource[] } };
    for (const name of Object.keys(LOST)) state.deployment.resources = withoutNode(state.deployment.resources, name);
    writeFileSync(file, JSON.stringify(state));
    const imported = await engine.pulumi(['stack', 'import', '--file', file]);
    assert.equal(imported.code, 0, imported.output);
    for (const vmId of Object.values(LOST)) engine.lab.parts.proxmox.byHand.remove(vmId);
  }

  /** The cluster notices by itself that machines are gone. */
  async function noticed(): Promise<Found> {
    for (let attempt = 0; ; attempt++) {
      const found = await listed();
      const silent = found.leftovers.filter(({ kind, verdict }) => /node|member/.test(kind) && verdict === 'orphan');
      if (silent.length === 3 + lostSatellites().length) return found;
      assert.ok(attempt < 20, JSON.stringify(found, null, 1));
    }
  }

  function lostSatellites(): string[] {
    const names = engine.lab.status().linstor.nodes.map(({ name }) => name);
    return Object.keys(LOST).filter((name) => names.includes(name));
  }

  it('a whole cluster has none', async () => {
    const { output } = await engine.proxOps('orphans');
    assert.match(output, /^No orphan\.$/m);
    assert.deepEqual((await listed()).leftovers, []);
    await holds(engine);
  });

  it('what is left on the hosts is listed with size, age and evidence; what is not ours is told apart', async () => {
    engine.lab.monitor.disarm();
    const { byHand, site } = engine.lab.parts.proxmox;
    const odin = site.hosts.all().findIndex(({ name }) => name === 'odin');
    const stack = parse(readFileSync(engine.stackFile, 'utf8')) as {
      config: { 'prox-ops:proxmox': { templateIds: { b: number } } };
    };
    templateId = stack.config['prox-ops:proxmox'].templateIds.b + odin * 2;
    const old = {
      scsi0: 'vms-ceph:10',
      template: '1',
      tags: 'prox-ops;template',
      description: `Talos v1.10.1, schematic ${SCHEMATIC}cd`,
    };
    byHand.create({ name: 'talos-v1-10-1-standard-odin', host: 'odin', vmid: templateId, options: old });
    byHand.create({ name: 'talos-v1-10-1-standard-odin', host: 'odin', vmid: 9900, options: old });
    byHand.create({ name: 'theirs', host: 'odin', vmid: 105, options: { scsi0: 'vms-ceph:8' } });
    byHand.edit(105, { hostpci0: 'mapping=lost,pcie=1', cicustom: 'user=local:snippets/prox-ops-k8s-work-2.yaml' });
    byHand.create({ name: 'gone', host: 'odin', vmid: 106, options: { scsi0: 'vms-ceph:8' } });
    byHand.remove(106, { keepDisks: true });
    for (const name of ['prox-ops-k8s-work-1.yaml', 'prox-ops-k8s-work-2.yaml', 'common.yaml'])
      byHand.putSnippet('odin', 'local', name);
    const image = { schematic: SCHEMATIC, version: 'v1.10.1' };
    byHand.putImage('thor', 'local', `import/talos-v1.10.1-${SCHEMATIC}.raw`, image);
    byHand.putImage('thor', 'local', `import/talos-v1.10.2-${SCHEMATIC}.raw`, image);
    byHand.putImage('thor', 'local', 'import/debian.raw', image);
    byHand.mapDevice('old-gpu', 'odin', '0000:05:00.0', '10de:1111');
    const found = await listed();
    assert.deepEqual(named(found, 'orphan'), [
      'local:snippets/prox-ops-k8s-work-1.yaml',
      `local:import/talos-v1.10.2-${SCHEMATIC}.raw`,
      `${templateId} talos-v1-10-1-standard-odin`,
    ]);
    assert.deepEqual(named(found, 'foreign'), ['vms-ceph:vm-106-disk-0', 'local:snippets/common.yaml']);
    assert.deepEqual(named(found, 'stale'), ['old-gpu', 'hostpci0 of 105 theirs']);
    const template = found.leftovers.find(({ kind }) => kind === 'template');
    assert.equal(template?.size, 10 * 2 ** 30);
    assert.ok(Math.abs((template?.created ?? 0) - Date.now() / 1000) < 3_600);
    const { output } = await engine.proxOps('orphans');
    assert.match(output, /orphan +│ local:snippets\/prox-ops-k8s-work-1\.yaml +│ snippet +│ odin +│ 1\.0 KiB +│ 0 d, /);
    assert.match(output, /odin: Invalid configuration: pci device '0000:05:00\.0' not found/);
    assert.match(output, /PCI device hostpci0 of 105 theirs: not deleted here\. To settle it: .*qm set 105/);
  });

  it('machines that were lost: what Kubernetes, LINSTOR and etcd still know of them, and what leads to them', async () => {
    const address = engine.lab.status().machines.find(({ node }) => node === 'k8s-work-3')?.address ?? '';
    await lose();
    await recordOf(address);
    const found = await noticed();
    assert.deepEqual(named(found, 'orphan', 'Kubernetes node'), ['k8s-ctrl-3', 'k8s-work-3']);
    assert.deepEqual(named(found, 'orphan', 'LINSTOR node'), lostSatellites());
    assert.ok(lostSatellites().includes('k8s-work-3'));
    assert.deepEqual(named(found, 'orphan', 'etcd member'), ['k8s-ctrl-3']);
    assert.deepEqual(named(found, 'stale', 'DNS record'), ['storage.example.net']);
  });

  /** A record that external-dns keeps. */
  async function recordOf(address: string): Promise<void> {
    const config = await admin();
    const names = { plural: 'dnsendpoints', singular: 'dnsendpoint', kind: 'DNSEndpoint' };
    const openAPIV3Schema = { type: 'object', x_kubernetes_preserve_unknown_fields: true };
    const version = { name: 'v1alpha1', served: true, storage: true, schema: { openAPIV3Schema } };
    const group = 'externaldns.k8s.io';
    await config.makeApiClient(ApiextensionsV1Api).createCustomResourceDefinition({
      body: {
        apiVersion: 'apiextensions.k8s.io/v1',
        kind: 'CustomResourceDefinition',
        metadata: { name: `dnsendpoints.${group}`, annotations: { 'api-approved.kubernetes.io': 'unapproved, test' } },
        spec: { group, scope: 'Namespaced', names, versions: [version] },
      },
    });
    const endpoints = [{ dnsName: 'storage.example.net', recordType: 'A', targets: [address] }];
    const body = {
      apiVersion: `${group}/v1alpha1`,
      kind: 'DNSEndpoint',
      metadata: { name: 'nodes', namespace: 'default' },
      spec: { endpoints },
    };
    const file = join(folder, 'kubeconfig');
    writeFileSync(file, await engine.lab.parts.kubernetes.adminKubeconfig(), { mode: 0o600 });
    const served = ['wait', '--for=condition=Established', `crd/dnsendpoints.${group}`, '--timeout=30s'];
    const waited = await engine.runWith({}, 'kubectl', '--kubeconfig', file, ...served);
    assert.equal(waited.code, 0, waited.output);
    await KubernetesObjectApi.makeApiClient(config).create(body);
  }

  it('a host that does not answer makes unknown of them all, and nothing is deleted', async () => {
    const before = await everything();
    engine.lab.faults.set('host-offline', 'thor');
    const silent = await engine.proxOps('orphans', '--delete', '--yes');
    const { leftovers, unknown } = await listed();
    engine.lab.faults.clear();
    assert.equal(silent.code, 2, silent.output);
    assert.match(silent.output, /Nothing was deleted/);
    assert.match(unknown.join('; '), /thor: expected it online, found it offline/);
    assert.deepEqual(named({ leftovers, unknown }, 'orphan'), []);
    assert.deepEqual(await everything(), before);
  });

  it('unconfirmed, nothing is deleted', async () => {
    const before = await everything();
    const unconfirmed = await engine.proxOps('orphans', '--delete');
    assert.equal(unconfirmed.code, 1, unconfirmed.output);
    assert.match(unconfirmed.output, /Expected --yes/);
    assert.deepEqual(await everything(), before);
  });

  it('confirmed, every orphan goes and nothing else, each in the event log with its proof', async () => {
    const before = await everything();
    const orphans = named(await noticed(), 'orphan');
    const removed = await engine.proxOps('orphans', '--delete', '--yes', '--json', '--reason', 'rehearsal');
    assert.equal(removed.code, 0, removed.output);
    const events = removed.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string; message?: string });
    const deleted = events.flatMap(({ message = '' }) => /^deleted (.*?)(?: on | \(|, )/.exec(message)?.[1] ?? []);
    assert.deepEqual([...deleted].sort(), [...orphans].sort());
    const logs = join(engine.project, '.prox-ops', 'runs');
    const log =
      readdirSync(logs)
        .filter((name) => name.endsWith('.jsonl'))
        .sort()
        .at(-1) ?? '';
    assert.match(
      readFileSync(join(logs, log), 'utf8'),
      /deleted k8s-ctrl-3 on \S+, etcd member: .*the others have a quorum without it/,
    );
    const after = await everything();
    const gone = before.filter((thing) => !after.includes(thing));
    assert.deepEqual(
      gone.sort(),
      [
        `VM ${templateId}`,
        'member k8s-ctrl-3',
        'node k8s-ctrl-3',
        'node k8s-work-3',
        ...['baldar', 'heimdall', 'odin', 'thor'].map((host) => `${host} vms-ceph:base-${templateId}-disk-0`),
        'odin local:snippets/prox-ops-k8s-work-1.yaml',
        `thor local:import/talos-v1.10.2-${SCHEMATIC}.raw`,
        ...before.filter((thing) => /^satellite k8s-(ctrl-3|work-3)$/.test(thing)),
      ].sort(),
    );
    assert.deepEqual(
      after.filter((thing) => !before.includes(thing)),
      [],
    );
  });

  it('then there is none, and nobody holds the lease', async () => {
    const found = await listed();
    assert.deepEqual(named(found, 'orphan'), []);
    assert.deepEqual(named(found, 'foreign'), ['vms-ceph:vm-106-disk-0', 'local:snippets/common.yaml']);
    const status = await engine.proxOps('status');
    assert.match(status.output, /Rollout: nobody is at it\./);
  });

  it('what gets an owner between the list and its turn stays', async () => {
    const { byHand } = engine.lab.parts.proxmox;
    const snippet = 'local:snippets/prox-ops-k8s-work-1.yaml';
    byHand.putSnippet('odin', 'local', 'prox-ops-k8s-work-1.yaml');
    const driver = engine.begin('orphans', '--delete', '--yes');
    const finished = engine.finished(driver);
    await seen(driver, /to be deleted: snippet/);
    // What the guest had before stays its own.
    byHand.edit(105, { cicustom: `user=local:snippets/prox-ops-k8s-work-2.yaml,network=${snippet}` });
    const { code, output } = await finished;
    assert.equal(code, 4, output);
    assert.match(
      output,
      /snippet local:snippets\/prox-ops-k8s-work-1\.yaml: not deleted: it is gone, or has an owner now/,
    );
    assert.ok((await everything()).includes(`odin ${snippet}`));
    assert.deepEqual(named(await listed(), 'orphan'), []);
  });
});
