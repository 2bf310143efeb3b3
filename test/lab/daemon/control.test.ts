import assert from 'node:assert/strict';
import { Board } from '../../../lab/daemon/board.js';
import { ControlServer } from '../../../lab/daemon/control-server.js';
import { EXIT, LabError } from '../../../lab/daemon/errors.js';
import { FaultDesk } from '../../../lab/daemon/fault-desk.js';
import { kubeconfigSecrets, machineSecrets } from '../../../lab/daemon/secrets.js';
import { EventLog } from '../../../lab/world/events.js';
import { Faults } from '../../../lab/world/faults.js';
import { testAddress } from '../../support/network';

describe('lab API', () => {
  const address = testAddress(108, '0.1');
  const url = `http://${address}:7443`;
  const authorization = 'Bearer right';
  let server: ControlServer;

  beforeEach(async () => {
    server = new ControlServer('right', {
      'GET /status': () => ({ fine: true }),
      'POST /echo': (body) => body,
      'POST /fail': () => {
        throw new LabError('not so', EXIT.usage);
      },
    });
    await server.listen(address, 7443);
  });

  afterEach(() => server.close());

  const ask = async (method: string, path: string, init: RequestInit = { headers: { authorization } }) => {
    const response = await fetch(url + path, { method, ...init });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };

  it('answers who has the token, and nobody else', async () => {
    assert.deepEqual((await ask('GET', '/status')).body, { fine: true });
    for (const headers of [{}, { authorization: 'Bearer wrong' }, { authorization: 'Bearer righ' }]) {
      assert.equal((await ask('GET', '/status', { headers })).status, 401);
    }
  });

  it('passes on what was wrong, with the exit code', async () => {
    assert.deepEqual((await ask('POST', '/fail')).body, { error: 'not so', exitCode: EXIT.usage });
    assert.equal((await ask('GET', '/nothing')).status, 404);
  });

  it('refuses a body that is no JSON, or too large', async () => {
    const headers = { authorization };
    assert.equal((await ask('POST', '/echo', { headers, body: '{' })).status, 400);
    assert.equal((await ask('POST', '/echo', { headers, body: 'x'.repeat(70_000) })).status, 413);
  });
});

describe('lab faults', () => {
  const nodes = ['k8s-ctrl-1', 'k8s-work-1', 'k8s-work-11'];
  const desk = () => new FaultDesk(new Faults(), { nodes: () => nodes, hosts: () => ['baldar', 'odin'] });

  it('names what is near an unknown fault, node or host', () => {
    const refused = (set: () => void, message: RegExp) =>
      assert.throws(set, (error: LabError) => {
        assert.match(error.message, message);
        assert.equal(error.exitCode, EXIT.usage);
        return true;
      });
    refused(() => desk().set('never-boot', 'k8s-work-1'), /unknown fault 'never-boot'; did you mean never-boots/);
    refused(() => desk().set('earthquake'), /fault list/);
    refused(
      () => desk().set('never-boots', 'k8s-work-2'),
      /unknown node 'k8s-work-2'; did you mean k8s-work-1 or k8s-work-11/,
    );
    refused(() => desk().set('host-offline', 'k8s-work-1'), /unknown host .*known: baldar, odin/);
    refused(() => desk().set('never-boots'), /needs a node, found none/);
    refused(() => desk().set('sync-stuck', 'k8s-work-1'), /takes no node/);
    refused(() => desk().clear('sync-stuck'), /not in force; in force: none/);
  });

  it('says what it lifted', () => {
    const faults = desk();
    faults.set('never-boots', 'k8s-work-1', 2);
    faults.set('proxmox-500');
    assert.deepEqual(faults.clear('never-boots'), [{ name: 'never-boots', subject: 'k8s-work-1', left: 2 }]);
    assert.deepEqual(
      faults.clear().map(({ name }) => name),
      ['proxmox-500'],
    );
    assert.deepEqual(faults.clear(), []);
  });
});

describe('lab board', () => {
  it('follows machines, etcd and storage through their events', () => {
    const events = new EventLog(() => 0);
    const board = new Board();
    events.subscribe((event) => board.apply(event));
    const vm = { vmid: 8001, name: 'a', host: 'odin', generation: 1 };
    events.emit({ type: 'vm.created', ...vm, uuid: 'u', template: false });
    events.emit({ type: 'vm.started', ...vm });
    events.emit({ type: 'machine.stage', vmid: 8001, node: 'a', address: '127.0.0.2', stage: 'maintenance' });
    assert.equal(board.machines()[0]?.stage, 'maintenance');
    assert.equal(board.machines()[0]?.talos, '');
    const release = { talosVersion: 'v1', schematic: 's', kubelet: 'k' };
    events.emit({
      type: 'machine.running',
      vmid: 8001,
      node: 'a',
      address: '127.0.0.2',
      role: 'controlplane',
      ...release,
    });
    events.emit({ type: 'etcd.member', change: 'added', id: '1', node: 'a', voters: 1, learners: 0 });
    events.emit({ type: 'etcd.member', change: 'added', id: '2', node: 'b', voters: 1, learners: 1 });
    events.emit({ type: 'etcd.leader', id: '1', node: 'a' });
    assert.deepEqual(
      board.etcd().members.map(({ role, up, leader }) => [role, up, leader]),
      [
        ['voter', true, true],
        ['learner', false, false],
      ],
    );
    const replica = { type: 'linstor.replica' as const, resource: 'r', pool: 'p', diskful: true, state: 'UpToDate' };
    events.emit({ ...replica, change: 'created', node: 'a', flags: [] });
    events.emit({ ...replica, change: 'created', node: 'b', flags: [] });
    assert.equal(board.linstor().resources, 1);
    events.emit({ type: 'linstor.node', node: 'a', status: 'ONLINE', flags: [] });
    assert.deepEqual(board.linstor().nodes, [{ name: 'a', status: 'ONLINE', flags: [] }]);
    events.emit({ type: 'linstor.node', node: 'a', status: 'DELETED', flags: [] });
    assert.deepEqual(board.linstor().nodes, []);
    events.emit({ type: 'vm.deleted', ...vm, uuid: 'u', template: false });
    assert.deepEqual([board.vms(), board.machines()], [[], []]);
  });
});

describe('what the monitor has to look for', () => {
  const pem = '-----BEGIN ED25519 PRIVATE KEY-----\nbase64base64base64\n-----END ED25519 PRIVATE KEY-----\n';
  const encoded = Buffer.from(pem).toString('base64');

  it('is found in a machine configuration of several documents, keys decoded as well', () => {
    const configuration = `version: v1alpha1\nmachine: {token: abcdef.0123456789, ca: {key: ${encoded}}}\ncluster: {ca: {key: ''}}\n---\nkind: HostnameConfig\n`;
    assert.deepEqual(machineSecrets(configuration), [
      { label: 'Talos secret machine.token', value: 'abcdef.0123456789' },
      { label: 'Talos secret machine.ca.key', value: encoded },
      { label: 'Talos secret machine.ca.key', value: pem },
    ]);
  });

  it('is found in a kubeconfig', () => {
    const kubeconfig = `users: [{name: admin@lab, user: {client-key-data: ${encoded}}}]`;
    assert.deepEqual(
      kubeconfigSecrets(kubeconfig).map(({ value }) => value),
      [encoded, pem],
    );
  });
});
