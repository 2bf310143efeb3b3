import assert from 'node:assert/strict';
import { mkdirSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  TalosError,
  verifyChecks,
  verifyCluster,
  type CheckContext,
  type ExpectedCluster,
  type ExpectedNode,
  type VerifyReaders,
} from '../../../operations/src/index';
import { RELEASE, World } from '../support/world';
import { snapshotBytes } from '../support/fakeMachines';

const NAMES = ['c1', 'c2', 'c3', 'w1', 'w2', 'w3'];
const VOLSYNC = '/apis/volsync.backube/v1alpha1/namespaces/data';

interface Told {
  links: { name: string; type: string; mac: string; up: boolean }[];
  addresses: { link: string; address: string }[];
  extensions: { name: string; version: string }[];
  off: number;
}

describe('R002-6 verification', () => {
  let world: World;
  let told: Map<string, Told>;
  let vms: Map<number, Record<string, unknown>>;
  let discovered: string[];
  let expected: ExpectedCluster;

  beforeEach(() => {
    world = new World();
    expected = {
      nodes: NAMES.map(planned),
      endpoint: 'https://10.0.0.100:6443',
      snapshotDirectory: world.snapshots,
      certificates: [],
      authorities: { kubernetes: '', talos: '' },
    };
    told = new Map(expected.nodes.map((node) => [node.address, toldBy(node)]));
    vms = new Map(expected.nodes.map(({ vmId, nics }) => [vmId, vmOf(nics)]));
    discovered = [...NAMES];
  });

  afterEach(() => {
    rmSync(world.snapshots, { recursive: true, force: true });
  });

  function planned(name: string): ExpectedNode {
    const { role, vmId, uuid, address } = world.inputs(name).node;
    const nics = [
      { mac: `BC:24:11:00:00:${vmId % 90}`, bridge: 'vmbr1', address: `${address}/23` },
      ...(role === 'worker' ? [{ mac: `BC:24:11:00:01:${vmId % 90}`, bridge: 'vmbr0', trunks: [62, 81] }] : []),
    ];
    const { talos, kubernetes, schematic } = RELEASE;
    const release = { talos, kubernetes };
    return { name, role, vmId, uuid, address, release, schematic, extensions: ['siderolabs/drbd'], nics };
  }

  function toldBy({ nics }: ExpectedNode): Told {
    return {
      links: [
        { name: 'lo', type: 'loopback', mac: '00:00:00:00:00:00', up: true },
        ...nics.map(({ mac }, index) => ({ name: `eth${index}`, type: 'ether', mac: mac.toLowerCase(), up: true })),
      ],
      addresses: nics.flatMap(({ address }, index) =>
        address === undefined ? [] : [{ link: `eth${index}`, address }],
      ),
      extensions: [
        { name: 'drbd', version: '9.2' },
        { name: 'schematic', version: RELEASE.schematic },
      ],
      off: 3,
    };
  }

  function vmOf(nics: ExpectedNode['nics']): Record<string, unknown> {
    const text = ({ mac, bridge, trunks }: ExpectedNode['nics'][number]) =>
      [`virtio=${mac}`, `bridge=${bridge}`, ...(trunks ? [`trunks=${trunks.join(';')}`] : [])].join(',');
    return Object.fromEntries(nics.map((nic, index) => [`net${index}`, text(nic)]));
  }

  const readers = (): VerifyReaders => {
    const of = (address: string): Promise<Told> => {
      const answer = told.get(address);
      return answer ? Promise.resolve(answer) : Promise.reject(new TalosError('unreachable', 'connection refused'));
    };
    return {
      talos: {
        version: async (address) => (await of(address), world.talos.version(address)),
        extensions: async (address) => (await of(address)).extensions,
        links: async (address) => (await of(address)).links,
        linkAddresses: async (address) => (await of(address)).addresses,
        discovered: async (address) => {
          await of(address);
          return discovered.map((hostname) => ({ hostname, addresses: [], machineType: 'worker' }));
        },
        clock: async (address) => ({
          server: 'ntp',
          machine: 1_000_000 + (await of(address)).off,
          reference: 1_000_000,
        }),
      },
      proxmox: { configOf: (vmId) => Promise.resolve(vms.get(vmId)) },
    };
  };

  const context = (): CheckContext => {
    const { settings, access } = world.inputs('w1');
    const { kubernetes, talos, proxmox, linstor, clock } = world;
    const session = { kubernetes, talos, proxmox, ...(world.withoutLinstor ? {} : { linstor }) };
    return { session, access, settings, clock };
  };

  const look = async (id: string): Promise<string> => {
    const check = verifyChecks(expected, readers()).find((candidate) => candidate.id === id) ?? assert.fail(id);
    const result = await check.run(context());
    if (result.outcome === 'skipped') return `skipped: ${result.why}`;
    return `${result.outcome}: ${result.found}`;
  };

  const node = (name: string): ExpectedNode => expected.nodes.find((one) => one.name === name) ?? assert.fail(name);
  const machine = (name: string): Told => told.get(node(name).address) ?? assert.fail(name);

  it('every check says how it knows, and has an id of its own', () => {
    const checks = verifyChecks(expected, readers());
    assert.equal(new Set(checks.map(({ id }) => id)).size, checks.length);
    for (const { id, how } of checks) assert.ok(how.length > 20, id);
  });

  it('one that fails makes the whole fail, and is told by name', async () => {
    machine('w2').off = 90_000;
    const report = await world.clock.run(verifyCluster(context(), { ...expected, nodes: [node('w2')] }, readers()));
    assert.equal(report.ok, false);
    assert.match(report.summary, /clocks: w2: 90\.0 s off ntp/);
  });

  describe('versions', () => {
    it('as planned', async () => assert.equal(await look('versions'), 'pass: 6 nodes: Talos v1.13.0, kubelet v1.36.3'));

    it('another Talos, another kubelet, a silent machine', async () => {
      world.machine('c2').version = 'v1.12.4';
      told.delete(node('w1').address);
      world.kubernetes.at('/api/v1/nodes/w2').status.nodeInfo.kubeletVersion = 'v1.35.0';
      assert.equal(
        await look('versions'),
        'fail: c2: Talos v1.12.4, wanted v1.13.0; w1: connection refused; w2: kubelet v1.35.0, wanted v1.36.3',
      );
    });
  });

  describe('images', () => {
    it('as planned', async () => assert.equal(await look('images'), 'pass: 1 schematic(s), 1 extension(s) on 6 nodes'));

    it('another schematic, an extension that is missing', async () => {
      machine('w1').extensions = [{ name: 'schematic', version: 'fedcba9876543210' }];
      assert.equal(await look('images'), 'fail: w1: schematic fedcba987654, wanted abc123, without siderolabs/drbd');
    });

    it('an extension of two tracks is known by either name', async () => {
      node('w1').extensions = ['siderolabs/nonfree-kmod-nvidia-production'];
      machine('w1').extensions.push({ name: 'nonfree-kmod-nvidia', version: '1' });
      assert.match(await look('images'), /^pass/);
    });
  });

  describe('members', () => {
    it('as planned', async () => assert.equal(await look('members'), 'pass: 6 nodes on their machines'));

    it('one that is missing, one that is strange, one on another machine', async () => {
      world.kubernetes.remove('/api/v1/nodes/w3');
      world.kubernetes.put('/api/v1/nodes/old', { status: { nodeInfo: { systemUUID: 'x' } } });
      world.kubernetes.at('/api/v1/nodes/w1').status.nodeInfo.systemUUID = 'OTHER';
      discovered = [...NAMES.slice(1), 'old'];
      assert.equal(
        await look('members'),
        'fail: Kubernetes does not know w3; Kubernetes knows old, which is not in the stack file; ' +
          `w1 runs on machine other, planned ${node('w1').uuid}; discovery does not know c1; ` +
          'discovery knows old, which is not in the stack file',
      );
    });

    it('discovery is asked of the next control plane when one is silent, and of none in vain', async () => {
      told.delete(node('c1').address);
      assert.match(await look('members'), /^pass/);
      for (const name of ['c2', 'c3']) told.delete(node(name).address);
      assert.match(await look('members'), /^fail: discovery: connection refused/);
    });
  });

  describe('links', () => {
    it('as planned', async () =>
      assert.equal(await look('links'), 'pass: 9 NICs up, 6 with their address, on 6 nodes'));

    it('a NIC that is not there, one without a carrier, one without its address', async () => {
      machine('w1').links.pop();
      Object.assign(machine('w2').links[2] ?? {}, { up: false });
      machine('w3').addresses = [{ link: 'eth0', address: '10.9.9.9/24' }];
      const found = await look('links');
      assert.match(found, /w1: NIC 1 \(BC:24:11:00:01:\d+\) is not there/);
      assert.match(found, /w2: NIC 1 \(\S+\) eth1 has no carrier/);
      assert.match(found, /w3: NIC 0 \(\S+\) eth0 without 10\.0\.1\.3\/23, it has 10\.9\.9\.9\/24/);
    });
  });

  describe('vlans', () => {
    it('as planned', async () => assert.equal(await look('vlans'), 'pass: VLANs none on 6 VMs'));

    it('another bridge, another tag, other trunks, a NIC more, a VM that is not there', async () => {
      const [w1, w2, w3] = ['w1', 'w2', 'w3'].map(node);
      vms.set(w1?.vmId ?? 0, { net0: `virtio=${w1?.nics[0]?.mac},bridge=vmbr9,tag=7` });
      Object.assign(vms.get(w2?.vmId ?? 0) ?? {}, {
        net1: `virtio=${w2?.nics[1]?.mac},bridge=vmbr0,trunks=62`,
        net2: 'x',
      });
      vms.delete(w3?.vmId ?? 0);
      assert.equal(
        await look('vlans'),
        'fail: w1: net0 bridge vmbr9, wanted vmbr1, net0 vlan 7, wanted none, net1 is not there; ' +
          'w2: net1 trunks 62, wanted 62;81, 1 NIC(s) more than planned; w3: expected VM 8013, found none',
      );
    });
  });

  describe('multus', () => {
    const path = '/apis/k8s.cni.cncf.io/v1/namespaces/default/network-attachment-definitions';

    it('is left out where there is none', async () =>
      assert.equal(await look('multus'), 'skipped: no NetworkAttachmentDefinition'));

    it('masters, of one plugin or of a list, have to be on every worker', async () => {
      const metadata = { namespace: 'default' };
      world.kubernetes.put(`${path}/iot`, { metadata, spec: { config: '{"type":"macvlan","master":"eth1"}' } });
      world.kubernetes.put(`${path}/disk`, { metadata, spec: {} });
      assert.equal(await look('multus'), 'pass: 2 attachments');
      world.kubernetes.put(`${path}/dmz`, { metadata, spec: { config: '{"plugins":[{"master":"eth7"}]}' } });
      assert.match(await look('multus'), /^fail: w1: default\/dmz wants eth7, which is not there; w2: /);
    });
  });

  describe('replicas', () => {
    it('as many UpToDate as the group wants', async () => {
      world.linstor.replica('db', 'w1');
      world.linstor.replica('db', 'w2');
      assert.equal(await look('replicas'), 'pass: 1 volumes');
      const second = world.linstor.list[1]?.volumes?.[0];
      Object.assign(second?.state ?? {}, { disk_state: 'Inconsistent' });
      assert.equal(await look('replicas'), 'fail: db: 1 of 2 replicas UpToDate');
    });

    it('a group that is not known is none that is satisfied', async () => {
      world.linstor.replica('db', 'w1');
      world.linstor.groupsList = [];
      assert.equal(await look('replicas'), "fail: db: its group's place count is unknown");
    });

    it('are left out without LINSTOR or without a volume', async () => {
      assert.equal(await look('replicas'), 'skipped: LINSTOR has no volume');
      world.withoutLinstor = true;
      assert.equal(await look('replicas'), 'skipped: no LINSTOR in this cluster');
    });
  });

  it('claims are Bound', async () => {
    assert.equal(await look('claims'), 'skipped: no PersistentVolumeClaim');
    const path = '/api/v1/namespaces/data/persistentvolumeclaims';
    world.kubernetes.put(`${path}/a`, { metadata: { namespace: 'data' }, status: { phase: 'Bound' } });
    assert.equal(await look('claims'), 'pass: 1 claims Bound');
    world.kubernetes.put(`${path}/b`, { metadata: { namespace: 'data' }, status: { phase: 'Pending' } });
    assert.equal(await look('claims'), 'fail: data/b: Pending');
  });

  describe('volsync', () => {
    const ago = (minutes: number): string => new Date(world.clock.now() - minutes * 60_000).toISOString();
    const put = (kind: string, name: string, spec: object, status: object): void =>
      world.kubernetes.put(`${VOLSYNC}/${kind}/${name}`, { metadata: { namespace: 'data' }, spec, status });

    it('ages of the last copies are told', async () => {
      put('replicationsources', 'db', {}, { lastSyncTime: ago(30), nextSyncTime: ago(-30) });
      put(
        'replicationdestinations',
        'db',
        { trigger: { manual: 'x' } },
        { lastSyncTime: ago(300), lastManualSync: 'x' },
      );
      assert.equal(await look('volsync'), 'pass: source data/db synced 30 min ago; destination data/db synced 5 h ago');
    });

    it('never synced, overdue, failed, asked for and not done', async () => {
      put('replicationsources', 'a', {}, {});
      put('replicationsources', 'b', {}, { lastSyncTime: ago(9), nextSyncTime: ago(200) });
      put('replicationsources', 'c', {}, { lastSyncTime: ago(9), latestMoverStatus: { result: 'Failed' } });
      put('replicationsources', 'd', { paused: true }, {});
      put('replicationdestinations', 'e', { trigger: { manual: '2' } }, { lastSyncTime: ago(9), lastManualSync: '1' });
      assert.equal(
        await look('volsync'),
        'fail: source data/a: never synced; source data/b: due since 3 h; source data/c: the last run: Failed; ' +
          "destination data/e: asked for '2', done '1'",
      );
    });
  });

  it('volume snapshots can be used', async () => {
    const path = '/apis/snapshot.storage.k8s.io/v1/namespaces/data/volumesnapshots';
    assert.equal(await look('volume snapshots'), 'skipped: no VolumeSnapshot');
    world.kubernetes.put(`${path}/a`, { metadata: { namespace: 'data' }, status: { readyToUse: true } });
    assert.equal(await look('volume snapshots'), 'pass: 1 ready to use');
    const status = { readyToUse: false, error: { message: 'no pool' } };
    world.kubernetes.put(`${path}/b`, { metadata: { namespace: 'data' }, status });
    assert.equal(await look('volume snapshots'), 'fail: data/b: no pool');
  });

  it('the latest etcd snapshot is whole', async () => {
    assert.match(await look('etcd snapshots'), /^fail: none in .*; take one: prox-ops snapshot/);
    mkdirSync(world.snapshots, { recursive: true });
    const [older, latest] = ['1', '2'].map((name) => join(world.snapshots, `etcd-test-c1-${name}.db`)) as [
      string,
      string,
    ];
    for (const [file, minutes] of [
      [older, 90],
      [latest, 5],
    ] as const) {
      writeFileSync(file, snapshotBytes());
      const at = new Date(world.clock.now() - minutes * 60_000);
      utimesSync(file, at, at);
    }
    writeFileSync(join(world.snapshots, 'etcd-other-c1-9.db'), 'of another cluster');
    assert.equal(await look('etcd snapshots'), `pass: ${latest}, 5 min old, its checksum fits`);
    truncateSync(latest, 4096);
    assert.match(await look('etcd snapshots'), /^fail: .*c1-2\.db: expected a whole etcd snapshot/);
  });

  it('clocks are in step; one that is silent is told', async () => {
    assert.equal(await look('clocks'), 'pass: 6 clocks, at most 3 ms off');
    machine('c1').off = -2_500;
    told.delete(node('w1').address);
    assert.equal(await look('clocks'), 'fail: c1: 2.5 s off ntp; w1: connection refused');
  });
});
