import assert from 'node:assert/strict';
import type { EtcdMember, EtcdStatus, KubernetesNode, LinstorResource } from '@prox-ops/operations';
import type { ClusterEvidence } from '../../../driver/orphans/clusterEvidence';
import { judgeNames, lookUp } from '../../../driver/orphans/dns';
import { judgeMembers, type MemberEvidence } from '../../../driver/orphans/judgeMembers';
import type { Leftover } from '../../../driver/orphans/leftover';
import { evidence, guest, OWN } from '../../support/orphans';

const ADDRESS = '10.0.0.9';

function node(name: string, uuid = OWN.uuidOf(name), ready = 'Unknown'): KubernetesNode {
  return {
    metadata: { name, creationTimestamp: '2026-01-01T00:00:00Z' },
    status: {
      addresses: [{ type: 'InternalIP', address: ADDRESS }],
      conditions: [{ type: 'Ready', status: ready }],
      nodeInfo: { systemUUID: uuid.toUpperCase(), kubeletVersion: 'v1.34.1' },
    },
  };
}

function replica(name: string, on: string, disk?: string): LinstorResource {
  const volume = { volume_number: 0, storage_pool_name: 'p', provider_kind: 'LVM' };
  return { name, node_name: on, volumes: [{ ...volume, ...(disk !== undefined && { state: { disk_state: disk } }) }] };
}

const satellite = (name: string, status = 'OFFLINE') => ({ name, type: 'SATELLITE', connection_status: status });

function cluster(more: Partial<ClusterEvidence> = {}): ClusterEvidence {
  return { answering: new Map(), dnsEndpoints: [], endpointSlices: [], unknown: [], ...more };
}

function judge(more: Partial<ClusterEvidence>, rest: Partial<Omit<MemberEvidence, 'cluster'>> = {}): Leftover[] {
  return judgeMembers({ proxmox: evidence(), own: OWN, history: new Map(), ...rest, cluster: cluster(more) });
}

const verdicts = (...given: Parameters<typeof judge>) => judge(...given).map(({ verdict }) => verdict);

describe('a Kubernetes node that no stack file names', () => {
  it('is an orphan when the machine that this stack made for it is on no host', () => {
    const [found] = judge({ nodes: [node('w1', 'other', 'True'), node('w9')] });
    assert.deepEqual([found?.name, found?.verdict, found?.created], ['w9', 'orphan', Date.UTC(2026, 0) / 1000]);
    assert.match(found?.evidence ?? '', /no guest of that name or UUID uuid-of-w9 on any host/);
  });

  const kept: [string, string, Parameters<typeof judge>][] = [
    [
      'its machine is on some host by name',
      'foreign',
      [{ nodes: [node('w9')] }, { proxmox: evidence({ machines: [guest(1, { name: 'w9' })] }) }],
    ],
    [
      'its machine is on some host under another name',
      'foreign',
      [{ nodes: [node('w9')] }, { proxmox: evidence({ machines: [guest(1, { uuid: 'uuid-of-w9' })] }) }],
    ],
    ['its kubelet reports', 'foreign', [{ nodes: [node('w9', OWN.uuidOf('w9'), 'True')] }]],
    ['a host is silent', 'unknown', [{ nodes: [node('w9')] }, { proxmox: evidence({ unknown: ['thor'] }) }]],
    [
      'another made its machine, whatever ran here before',
      'stale',
      [{ nodes: [node('w9', 'theirs')] }, { history: new Map([['w9', 'r']]) }],
    ],
    ['the state has it still', 'stale', [{ nodes: [node('w9')] }, { own: { ...OWN, nodesInState: new Set(['w9']) } }]],
  ];
  for (const [why, verdict, given] of kept)
    it(`stays, and is told, when ${why}`, () => {
      const [found] = judge(...given);
      assert.equal(found?.verdict, verdict);
      assert.equal(found?.target, undefined);
    });
});

describe('a LINSTOR node that no stack file names', () => {
  const history = new Map([['w9', 'run-1']]);
  const others = [satellite('w1', 'ONLINE'), satellite('W9')];

  it('is an orphan when everything on it has another good copy', () => {
    const resources = [replica('a', 'w9'), replica('a', 'W1', 'UpToDate')];
    const [found] = judge({ satellites: others, resources }, { history });
    assert.deepEqual([found?.name, found?.verdict], ['w9', 'orphan']);
    assert.match(
      found?.evidence ?? '',
      /run run-1 of this stack had it; OFFLINE; 1 replica\(s\), each with another UpToDate copy/,
    );
  });

  const copies: [string, LinstorResource[]][] = [
    ['none', []],
    ['one that synchronises', [replica('a', 'w1', 'SyncTarget(90.00%)')]],
    ['one on a satellite that is offline, too', [replica('a', 'w2', 'UpToDate')]],
    ['one whose state nobody tells', [replica('a', 'w1')]],
    ['a diskless one', [{ ...replica('a', 'w1', 'UpToDate'), flags: ['DISKLESS'] }]],
  ];
  for (const [what, resources] of copies)
    it(`stays when it holds the last copy: elsewhere there is ${what}`, () => {
      const satellites = [...others, satellite('w2')];
      const found = judge({ satellites, resources: [replica('a', 'w9'), ...resources] }, { history });
      assert.deepEqual(
        found.map(({ verdict }) => verdict),
        ['stale'],
      );
      assert.match(found[0]?.evidence ?? '', /last UpToDate copy of a/);
      assert.match(found[0]?.remedy ?? '', /restore/);
    });

  it('stays while its satellite is online, and when nothing proves that it was ours', () => {
    assert.deepEqual(verdicts({ satellites: [satellite('w9', 'ONLINE')] }, { history }), ['foreign']);
    assert.deepEqual(verdicts({ satellites: [satellite('w9')] }), ['stale']);
  });
});

describe('an etcd member that no stack file names', () => {
  const member = (id: string, hostname: string, address: string): EtcdMember => ({
    id,
    hostname,
    peerUrls: [`https://${address}:2380`],
    learner: false,
  });
  const status = (id: string): EtcdStatus => ({
    id,
    leader: 'a',
    raftIndex: 1,
    raftAppliedIndex: 1,
    learner: false,
    errors: '',
  });
  const etcd = (members: EtcdMember[], live: string[]) => ({
    members,
    live: new Map(live.map((id) => [id, { address: id, status: status(id) }])),
    troubles: [],
  });
  const three = [member('a', 'w1', '10.0.0.1'), member('b', 'w2', '10.0.0.2'), member('c', 'c9', ADDRESS)];

  it('is an orphan when it is silent and the others have a quorum without it', () => {
    const [found] = judge({ etcd: etcd(three, ['a', 'b']) });
    assert.equal(found?.verdict, 'orphan');
    assert.deepEqual(found?.target, {
      kind: 'node',
      what: 'etcd member',
      id: 'c',
      machine: { name: 'c9', uuid: '', address: ADDRESS },
    });
  });

  it('stays when it answers, and when the others would have no quorum without it', () => {
    assert.deepEqual(verdicts({ etcd: etcd(three, ['a', 'b']), answering: new Map([['c', 'it answers']]) }), [
      'foreign',
    ]);
    const [found] = judge({ etcd: etcd(three, ['a']) });
    assert.equal(found?.verdict, 'stale');
    assert.match(found?.evidence ?? '', /expected at least 2 healthy etcd voters without this node; found 1 of 2/);
  });
});

describe('a name that leads to a machine that is gone', () => {
  const gone = [{ name: 'w9', uuid: '', address: ADDRESS }];
  const none = { answers: [], unknown: [] };
  const slice = (labels: Record<string, string>) => ({
    metadata: { name: 's', namespace: 'apps', labels: { 'kubernetes.io/service-name': 'db', ...labels } },
    endpoints: [{ addresses: [ADDRESS] }],
  });

  it('is told with its object, by address or by name', () => {
    const endpoints = [
      { dnsName: 'db.example.net', targets: [ADDRESS] },
      { dnsName: 'w9.example.net', targets: ['10.0.0.77'] },
      { dnsName: 'w1.example.net', targets: ['10.0.0.1'] },
    ];
    const dnsEndpoints = [{ metadata: { name: 'records', namespace: 'dns' }, spec: { endpoints } }];
    const found = judgeNames(gone, cluster({ dnsEndpoints }), none);
    assert.deepEqual(
      found.map(({ name, verdict }) => [name, verdict]),
      [
        ['db.example.net', 'stale'],
        ['w9.example.net', 'stale'],
      ],
    );
  });

  it('of a Service is told when a person wrote the address down; controllers mend their own', () => {
    const of = (labels: Record<string, string>) => judgeNames(gone, cluster({ endpointSlices: [slice(labels)] }), none);
    assert.deepEqual(
      of({}).map(({ name }) => name),
      ['db.apps.svc'],
    );
    assert.deepEqual(of({ 'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io' }), []);
  });

  it('is asked of the DNS servers; a silent one is said to be so, and is asked once', async () => {
    const asked: string[] = [];
    const query = (server: string, name: string) => {
      asked.push(`${server} ${name}`);
      if (server === '10.0.0.54') return Promise.reject(new Error('queryA ETIMEOUT w9'));
      return Promise.resolve(name === ADDRESS ? ['w9.example.net'] : []);
    };
    const lookups = await lookUp(gone, ['10.0.0.53', '10.0.0.54'], query);
    assert.deepEqual(asked, ['10.0.0.53 w9', `10.0.0.53 ${ADDRESS}`, '10.0.0.54 w9']);
    assert.deepEqual(lookups.unknown, ['DNS server 10.0.0.54: queryA ETIMEOUT w9']);
    const [found] = judgeNames(gone, cluster(), lookups);
    assert.match(found?.evidence ?? '', /answers w9\.example\.net; the machine of w9 is on no host/);
  });
});
