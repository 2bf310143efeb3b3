import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { ProxmoxProvider } from '../../../lab/plugins/proxmoxve/provider.js';
import { bundleFromSecrets } from '../../../lab/plugins/talos/bundle.js';
import { TalosProvider } from '../../../lab/plugins/talos/provider.js';
import { Secret, containsSecret, openMap, UNKNOWN } from '../../../lab/plugins/protocol/values.js';
import type { PropertyMap } from '../../../lab/plugins/protocol/values.js';
import { text } from '../../../lab/plugins/protocol/read-value.js';
import { ensureTools } from '../../../lab/tools/index.js';
import { createAuthority, issue } from '../../../lab/world/certificates.js';
import { PluginClient } from './plugin-client.js';
import { IMAGE_URL, ProxmoxLab } from './proxmox-lab.js';
import { testAddress, testBase } from '../../support/network';

const SECRETS = 'talos:machine/secrets:Secrets';
const APPLY = 'talos:machine/configurationApply:ConfigurationApply';
const BOOTSTRAP = 'talos:machine/bootstrap:Bootstrap';
const KUBECONFIG = 'talos:cluster/kubeconfig:Kubeconfig';
const SCHEMATIC = 'talos:imageFactory/schematic:Schematic';
const RENDER = 'talos:machine/getConfiguration:getConfiguration';

describe('talos plugin', () => {
  let plugin: PluginClient;
  let secrets: { id: string; properties: PropertyMap };
  let open: PropertyMap;

  before(async () => {
    const { talosctl } = await ensureTools(['talosctl']);
    process.env['PROX_OPS_TALOSCTL'] = talosctl;
    process.env['PROX_OPS_PLUGIN_POLL_MS'] = '15';
    plugin = await PluginClient.start(new TalosProvider());
    secrets = await plugin.create(SECRETS, { talosVersion: 'v1.12' });
    open = openMap(secrets.properties);
  });

  after(() => {
    plugin.close();
    delete process.env['PROX_OPS_TALOSCTL'];
    delete process.env['PROX_OPS_PLUGIN_POLL_MS'];
  });

  const render = (more: PropertyMap = {}) =>
    plugin.invoke(RENDER, {
      clusterName: 'lab',
      clusterEndpoint: `https://127.${testBase(106)}.67.20:6443`,
      machineType: 'controlplane',
      machineSecrets: open['machineSecrets'] ?? {},
      talosVersion: 'v1.12.0',
      kubernetesVersion: '1.34.1',
      ...more,
    });

  describe('Secrets', () => {
    it('marks keys and tokens as secret, certificates and the cluster id not', () => {
      const found = secrets.properties['machineSecrets'] as Record<string, Record<string, PropertyMap>>;
      assert.ok(found['certs']?.['os']?.['key'] instanceof Secret);
      assert.ok(found['trustdinfo']?.['token'] instanceof Secret);
      assert.equal(typeof found['certs']['os']['cert'], 'string');
      assert.equal(typeof found['cluster']?.['id'], 'string');
      assert.ok((secrets.properties['clientConfiguration'] as PropertyMap)['clientKey'] instanceof Secret);
    });

    it('leaves no file behind that held them', async () => {
      // A directory of its own: other plugins on this machine may be at work in the common one.
      const directory = await mkdtemp(join(tmpdir(), 'leftovers-test-'));
      const saved = process.env['TMPDIR'];
      process.env['TMPDIR'] = directory;
      try {
        await render({ configPatches: [stringify({ machine: { sysctls: { 'vm.overcommit_memory': '1' } } })] });
        await assert.rejects(render({ configPatches: [stringify({ machine: { left: 'over' } })] }));
        assert.deepEqual(readdirSync(directory), []);
      } finally {
        if (saved === undefined) delete process.env['TMPDIR'];
        else process.env['TMPDIR'] = saved;
        await rm(directory, { recursive: true });
      }
    });

    it('is replaced for a lower version only', async () => {
      const lower = await plugin.diff(SECRETS, secrets, { talosVersion: 'v1.11' });
      assert.deepEqual(lower.detail, { talosVersion: 'UPDATE_REPLACE' });
      const higher = await plugin.diff(SECRETS, secrets, { talosVersion: 'v1.13' });
      assert.deepEqual(higher.detail, { talosVersion: 'UPDATE' });
      const kept = await plugin.update(SECRETS, secrets, { talosVersion: 'v1.13' });
      assert.deepEqual(openMap(kept.properties)['machineSecrets'], open['machineSecrets']);
    });

    it('is imported from a secrets.yaml', async () => {
      const directory = await mkdtemp(join(tmpdir(), 'import-test-'));
      const file = join(directory, 'secrets.yaml');
      await writeFile(file, bundleFromSecrets(open['machineSecrets'] as PropertyMap), { mode: 0o600 });
      const imported = await plugin.read(SECRETS, { id: file, properties: {} }, {});
      await rm(directory, { recursive: true });
      assert.deepEqual(openMap(imported?.properties ?? {})['machineSecrets'], open['machineSecrets']);
      assert.deepEqual(imported?.inputs, { talosVersion: 'v1.3' });
    });
  });

  describe('getConfiguration', () => {
    it("renders talosctl's own configuration with the patches applied, the same every time, as a secret", async () => {
      const patch = stringify({ machine: { network: { nameservers: ['10.20.0.1'] } } });
      const first = await render({ configPatches: [patch] });
      assert.ok(first['machineConfiguration'] instanceof Secret);
      const rendered = text(openMap(first)['machineConfiguration']);
      const [v1alpha1] = parseAllDocuments(rendered).map((document) => document.toJS() as PropertyMap);
      const machine = v1alpha1?.['machine'] as PropertyMap;
      assert.deepEqual((machine['network'] as PropertyMap)['nameservers'], ['10.20.0.1']);
      assert.equal(machine['type'], 'controlplane');
      assert.equal(openMap(await render({ configPatches: [patch] }))['machineConfiguration'], rendered);
    });

    it('refuses what Talos refuses, in its words', async () => {
      const patch = stringify({ machine: { nope: 1 } });
      await assert.rejects(
        render({ configPatches: [patch] }),
        /unknown keys found during decoding:\nmachine:\n +nope: 1/,
      );
    });

    it('renders a talosconfig', async () => {
      const args = {
        clusterName: 'lab',
        clientConfiguration: open['clientConfiguration'] ?? {},
        endpoints: [testAddress(106, '67.1')],
      };
      const result = await plugin.invoke('talos:client/getConfiguration:getConfiguration', args);
      const config = parse(text(openMap(result)['talosConfig'])) as { context: string; contexts: object };
      assert.equal(config.context, 'lab');
      assert.deepEqual(Object.keys(config.contexts), ['lab']);
      assert.ok(containsSecret(result));
    });
  });

  it('names the assets of a release at the factory without asking it', async () => {
    const args = { schematicId: 'abc', talosVersion: '1.12.0', platform: 'nocloud' };
    const { urls } = await plugin.invoke('talos:imageFactory/getUrls:getUrls', args);
    assert.equal((urls as PropertyMap)['installer'], 'factory.talos.dev/nocloud-installer/abc:v1.12.0');
    assert.equal(
      (urls as PropertyMap)['diskImage'],
      'https://factory.talos.dev/image/abc/v1.12.0/nocloud-amd64.raw.xz',
    );
  });

  describe('with machines', () => {
    const address = testAddress(106, '67.1');
    let lab: ProxmoxLab;
    let endTalos: () => Promise<void>;
    let proxmox: PluginClient;

    before(async () => {
      lab = await ProxmoxLab.start();
      endTalos = await lab.startTalos(await kubeconfig());
      Object.assign(process.env, lab.environment);
      proxmox = await PluginClient.start(new ProxmoxProvider());
      await plugin.configure({ imageFactoryUrl: lab.world.network.imageFactoryUrl });
      open = await withLabAuthority(open['machineSecrets'] as PropertyMap);
      await bootMachine();
    });

    after(async () => {
      proxmox.close();
      await endTalos();
      await lab.close();
      for (const name of Object.keys(lab.environment)) delete process.env[name];
    });

    /**
     * The same secrets with an OS authority of the lab's own making. talosctl's carries a subject key id that the lab's
     * `issue` does not repeat in the certificates of machines, and OpenSSL refuses those (Go does not).
     */
    async function withLabAuthority(original: PropertyMap): Promise<PropertyMap> {
      const authority = await createAuthority({ commonName: 'talos', organization: 'talos', algorithm: 'ed25519' });
      const base64 = (pem: string) => Buffer.from(pem).toString('base64');
      const key = base64(authority.key.replaceAll('PRIVATE KEY', 'ED25519 PRIVATE KEY'));
      const certs = { ...(original['certs'] as PropertyMap), os: { cert: base64(authority.crt), key } };
      const directory = await mkdtemp(join(tmpdir(), 'authority-test-'));
      const file = join(directory, 'secrets.yaml');
      try {
        await writeFile(file, bundleFromSecrets({ ...original, certs }), { mode: 0o600 });
        return openMap((await plugin.read(SECRETS, { id: file, properties: {} }, {}))?.properties ?? {});
      } finally {
        await rm(directory, { recursive: true });
      }
    }

    /** A VM with a Talos disk and its address from cloud-init, running in maintenance mode. */
    async function bootMachine(): Promise<void> {
      const create = async (type: string, news: PropertyMap) =>
        proxmox.create(type, (await proxmox.check(type, news)).inputs);
      const file = {
        nodeName: 'baldar',
        datastoreId: 'local',
        contentType: 'import',
        fileName: 't.raw',
        url: IMAGE_URL,
      };
      const image = await create('proxmoxve:download/file:File', file);
      await create('proxmoxve:index/vmLegacy:VmLegacy', {
        vmId: 8001,
        nodeName: 'baldar',
        name: 'cp-1',
        cdrom: { fileId: 'none', interface: 'ide3' },
        networkDevices: [{ bridge: 'vmbr0' }],
        initialization: { datastoreId: 'vms-ceph', ipConfigs: [{ ipv4: { address: `${address}/16` } }] },
        disks: [{ interface: 'scsi0', datastoreId: 'vms-ceph', importFrom: image.id, size: 10 }],
      });
    }

    /** A complete and self-consistent kubeconfig. */
    async function kubeconfig(): Promise<string> {
      const authority = await createAuthority({ commonName: 'kubernetes', algorithm: 'ecdsa' });
      const client = await issue(authority, { commonName: 'admin', organization: 'system:masters' });
      const data = (pem: string) => Buffer.from(pem).toString('base64');
      const cluster = {
        server: `https://127.${testBase(106)}.67.20:6443`,
        'certificate-authority-data': data(authority.crt),
      };
      const user = { 'client-certificate-data': data(client.crt), 'client-key-data': data(client.key) };
      return stringify({
        'current-context': 'admin@lab',
        clusters: [{ name: 'lab', cluster }],
        contexts: [{ name: 'admin@lab', context: { cluster: 'lab', user: 'admin@lab' } }],
        users: [{ name: 'admin@lab', user }],
      });
    }

    const target = (more: PropertyMap = {}): PropertyMap => ({
      node: address,
      clientConfiguration: open['clientConfiguration'] ?? {},
      timeouts: { create: '10s' },
      ...more,
    });

    async function configuration(patch: object = {}): Promise<string> {
      const hostname = { apiVersion: 'v1alpha1', kind: 'HostnameConfig', hostname: 'cp-1', auto: 'off' };
      const patches = [patch, hostname].filter((one) => Object.keys(one).length > 0);
      const rendered = await render({ configPatches: patches.map((one) => stringify(one)) });
      return text(openMap(rendered)['machineConfiguration']);
    }

    it('tells in a preview what will be applied, without dialling the node', async () => {
      const inputs = target({ machineConfigurationInput: await configuration() });
      const planned = await plugin.create(APPLY, inputs, true);
      assert.match(text(planned.properties['machineConfigurationHash']), /^[0-9a-f]{64}$/);
      assert.equal(planned.properties['endpoint'], address);
      const unknown = await plugin.create(APPLY, { ...inputs, machineConfigurationInput: UNKNOWN }, true);
      assert.equal(unknown.properties['machineConfigurationHash'], UNKNOWN);
      assert.ok(!lab.writesToTalos().length);
    });

    it("fails at once on a configuration that the node refuses, with Talos' message", async () => {
      const broken = (await configuration()).replace('type: controlplane', 'type: banana');
      const inputs = target({ machineConfigurationInput: broken });
      await assert.rejects(
        plugin.create(APPLY, inputs),
        /Error applying configuration: rpc error: code = InvalidArgument desc = /,
      );
    });

    it('configures a machine in maintenance mode, then bootstraps it, then fetches its kubeconfig', async () => {
      const applied = await plugin.create(APPLY, target({ machineConfigurationInput: await configuration() }));
      assert.equal(applied.id, 'machine_configuration_apply');
      assert.ok(applied.properties['machineConfiguration'] instanceof Secret);
      const bootstrapped = await plugin.create(BOOTSTRAP, target());
      assert.equal(bootstrapped.id, 'machine_bootstrap');
      const fetched = await plugin.create(KUBECONFIG, target({ certificateRenewalDuration: '720h' }));
      assert.equal(fetched.id, 'lab');
      const client = fetched.properties['kubernetesClientConfiguration'] as PropertyMap;
      assert.equal(client['host'], `https://127.${testBase(106)}.67.20:6443`);
      assert.ok(client['clientKey'] instanceof Secret && fetched.properties['kubeconfigRaw'] instanceof Secret);
      const opened = { id: fetched.id, properties: openMap(fetched.properties) };
      assert.equal(
        (await plugin.diff(KUBECONFIG, opened, target({ certificateRenewalDuration: '720h' }))).changes,
        false,
      );
    });

    it('repeats an AlreadyExists until the timeout, and fails with it', async () => {
      await assert.rejects(
        plugin.create(BOOTSTRAP, target({ timeouts: { create: '1s' } })),
        /code = AlreadyExists desc = etcd data directory is not empty/,
      );
    });

    it('sees a changed configuration in place only, and applies the whole of it with mutual TLS', async () => {
      const before = target({ machineConfigurationInput: await configuration() });
      const state = await plugin.create(APPLY, before);
      const opened = { id: state.id, properties: openMap(state.properties) };
      const inputs = (await plugin.check(APPLY, before)).inputs;
      assert.equal((await plugin.diff(APPLY, opened, openMap(inputs))).changes, false);
      const after = target({
        machineConfigurationInput: await configuration({ machine: { sysctls: { 'vm.swappiness': '1' } } }),
      });
      const diff = await plugin.diff(APPLY, opened, openMap((await plugin.check(APPLY, after)).inputs));
      assert.deepEqual(Object.keys(diff.detail).sort(), [
        'machineConfiguration',
        'machineConfigurationHash',
        'machineConfigurationInput',
      ]);
      assert.deepEqual(diff.replaces, []);
      await plugin.update(APPLY, opened, after);
    });

    it('gives up on a node that is not there when its time is over', async () => {
      const nobody = target({
        node: testAddress(106, '67.99'),
        timeouts: { create: '100ms' },
        machineConfigurationInput: await configuration(),
      });
      await assert.rejects(plugin.create(APPLY, nobody), /rpc error: code = Unavailable/);
    });

    it('lists disks and finds the machines healthy', async () => {
      const { disks } = await plugin.invoke('talos:machine/getDisks:getDisks', target());
      assert.ok((disks as PropertyMap[]).length >= 1);
      const health = {
        clientConfiguration: open['clientConfiguration'] ?? {},
        endpoints: [address],
        controlPlaneNodes: [address],
      };
      await plugin.invoke('talos:cluster/getHealth:getHealth', {
        ...health,
        skipKubernetesChecks: true,
        timeouts: { read: '5s' },
      });
    });

    it('registers a schematic; an edit leaves its id stale', async () => {
      const yaml = (name: string) =>
        stringify({ customization: { systemExtensions: { officialExtensions: [`siderolabs/${name}`] } } });
      const schematic = await plugin.create(SCHEMATIC, { schematic: yaml('drbd') });
      assert.match(schematic.id, /^[0-9a-f]{64}$/);
      const edited = await plugin.diff(SCHEMATIC, schematic, { schematic: yaml('zfs') });
      assert.deepEqual(edited.detail, { schematic: 'UPDATE' });
      assert.equal((await plugin.update(SCHEMATIC, schematic, { schematic: yaml('zfs') })).id, schematic.id);
    });

    it('resets a machine at its delete only when the state says so', async () => {
      const config = target({ machineConfigurationInput: await configuration() });
      const plain = await plugin.create(APPLY, config);
      lab.writesToTalos();
      await plugin.delete(APPLY, { id: plain.id, properties: openMap(plain.properties) });
      assert.deepEqual(lab.writesToTalos(), []);
      const onDestroy = { reset: true, graceful: false, reboot: true };
      const resetting = { id: plain.id, properties: { ...openMap(plain.properties), onDestroy } };
      await plugin.delete(APPLY, resetting);
      const again = await plugin.create(APPLY, config);
      assert.equal(again.id, 'machine_configuration_apply');
    });
  });
});
