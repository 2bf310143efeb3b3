/* eslint-disable @typescript-eslint/no-explicit-any -- inputs as providers get them, which have no types */
import assert from 'node:assert/strict';
import type { EngineEvent } from '@pulumi/pulumi/automation';
import { BEFORE_KUBERNETES } from '../../config/overrides';
import { planCluster, targetOf } from '../../config/plan';
import { machinePatches } from '../../components/machinePatches';
import { KUBELETS_KEPT, markNodes, PUT_BACK, UPGRADED_IN_PLACE } from '../../config/marks';
import { phaseOf } from '../../driver/phases';
import { phasesOf, SUBJECTS } from '../support/turns';
import { configuration, Recording, TOKEN, type Registration } from './support/recording';

/** As the engine says that a step of a resource begins. */
function begun(op: string, type: string, name: string): EngineEvent {
  const urn = `urn:pulumi:prod::prox-ops::${type}::${name}`;
  return { sequence: 1, timestamp: 0, resourcePreEvent: { metadata: { op, urn, type } } } as unknown as EngineEvent;
}

const VM = 'proxmoxve:index/vmLegacy:VmLegacy';
const CONFIG = 'talos:machine/configurationApply:ConfigurationApply';

describe('the production cluster, as registered', () => {
  let recording: Recording;

  before(async () => {
    recording = await Recording.of(configuration());
  });

  it('has exactly these resources', () => {
    const counts: Record<string, number> = {};
    for (const { type } of recording.all)
      if (!/^(kubernetes:|prox-ops:addons:|pulumi:providers:kubernetes)/.test(type))
        counts[type] = (counts[type] ?? 0) + 1;
    assert.deepEqual(counts, {
      'prox-ops:cluster:Cluster': 1,
      'prox-ops:cluster:ControlPlane': 1,
      'prox-ops:node:TalosNode': 15,
      'prox-ops:talos:MachineConfigs': 1,
      'prox-ops:talos:TalosSecrets': 1,
      'prox-ops:template:NodeTemplates': 1,
      'pulumi:providers:proxmoxve': 1,
      'pulumi:providers:talos': 1,
      'talos:imageFactory/schematic:Schematic': 2,
      'proxmoxve:download/file:File': 6,
      [VM]: 6 + 15,
      'talos:machine/secrets:Secrets': 1,
      'command:local:Command': 15,
      [CONFIG]: 15,
      'talos:machine/bootstrap:Bootstrap': 1,
      'talos:cluster/kubeconfig:Kubeconfig': 1,
      'pulumi-nodejs:dynamic/prox-ops:NodeIdentity': 15,
      'pulumi-nodejs:dynamic/prox-ops:HealthGate': 15,
      'pulumi-nodejs:dynamic/prox-ops:EtcdMembership': 3,
      'pulumi-nodejs:dynamic/prox-ops:LinstorEvacuation': 15,
      'pulumi-nodejs:dynamic/prox-ops:NodeDrain': 15,
      'pulumi-nodejs:dynamic/prox-ops:RolloutTurn': 15,
    });
  });

  describe('templates (R003-1)', () => {
    it('only hosts that need a variant have its image and its template', () => {
      const names = recording.ofType('proxmoxve:download/file:File').map(({ name }) => name);
      assert.deepEqual(names.sort(), [
        'image-baldar-standard-v1.11.3',
        'image-heimdall-gpu-v1.11.3',
        'image-heimdall-standard-v1.11.3',
        'image-odin-standard-v1.11.3',
        'image-thor-gpu-v1.11.3',
        'image-thor-standard-v1.11.3',
      ]);
    });

    it('an image is uncompressed, named by release and schematic, and never replaced by one of another size', () => {
      const { inputs, opts } = recording.get('image-thor-gpu-v1.11.3');
      assert.match(inputs.url, /\/nocloud-amd64\.raw$/);
      assert.equal(inputs.contentType, 'import');
      assert.equal(inputs.fileName, 'talos-v1.11.3-schematic-gp.raw');
      assert.equal(inputs.overwrite, false);
      assert.equal(opts.hooks?.beforeCreate?.length, 1);
    });

    it('a template boots from its imported disk, has a serial console, and is replaced when its image changes', () => {
      const { inputs, opts, dependsOn } = recording.get('template-a-thor-gpu');
      assert.deepEqual(inputs.bootOrders, ['scsi0']);
      assert.deepEqual(inputs.vga, { type: 'serial0' });
      assert.deepEqual(inputs.serialDevices, [{ device: 'socket' }]);
      assert.deepEqual(inputs.cdrom, { fileId: 'none', interface: 'ide3' });
      assert.equal(inputs.disks[0].importFrom, 'image-thor-gpu-v1.11.3-id');
      assert.ok(opts.replaceOnChanges?.includes('description'));
      assert.ok(opts.replaceOnChanges?.includes('disks[0].importFrom'));
      assert.deepEqual(dependsOn, ['image-thor-gpu-v1.11.3']);
      guarded(recording.get('template-a-thor-gpu'));
    });

    it('two slots with the same Talos release share an image', async () => {
      const both = await Recording.of(
        configuration((raw) => {
          raw.releases.b = { talos: 'v1.11.3', kubernetes: 'v1.33.5' };
        }),
      );
      assert.equal(both.ofType('proxmoxve:download/file:File').length, 6);
      assert.equal(both.all.filter(({ name }) => name.startsWith('template-b-')).length, 6);
    });

    it('a schematic holds the extensions in order of name and the kernel arguments as they are given', async () => {
      const changed = await Recording.of(
        configuration((raw) => {
          raw.talos.kernelArgs = { gpu: ['console=ttyS0', 'apparmor=0'] };
          raw.talos.extensions.gpu.reverse();
        }),
      );
      const { schematic } = changed.get('schematic-gpu').inputs;
      assert.match(schematic, /extraKernelArgs:\n +- console=ttyS0\n +- apparmor=0/);
      assert.ok(schematic.indexOf('drbd') < schematic.indexOf('nvidia'));
      assert.ok(changed.get('schematic-gpu').opts.replaceOnChanges?.includes('schematic'));
      assert.equal(
        changed.get('schematic-standard').inputs.schematic,
        recording.get('schematic-standard').inputs.schematic,
      );
    });
  });

  describe('nodes', () => {
    it('a GPU worker: fixed identity, three NICs, its GPU by mapping, system and data disk', () => {
      const { inputs } = recording.get('k8s-work-4-vm');
      const plan = recording.plan.nodes.find(({ name }) => name === 'k8s-work-4');
      assert.equal(inputs.vmId, 8007);
      assert.deepEqual(inputs.smbios, { uuid: plan?.uuid });
      assert.deepEqual(
        inputs.networkDevices.map(({ bridge, vlanId }: any) => [bridge, vlanId]),
        [
          ['vmbr1', undefined],
          ['vmbr0', 62],
          ['vmbr0', 81],
        ],
      );
      assert.deepEqual(
        inputs.networkDevices.map(({ macAddress }: any) => macAddress),
        plan?.nics.map(({ mac }) => mac),
      );
      assert.equal(inputs.machine, 'q35');
      assert.deepEqual(inputs.hostpcis, [{ device: 'hostpci0', mapping: 'thor-gpu', pcie: true, rombar: true }]);
      assert.deepEqual(
        inputs.disks.map(({ interface: name, datastoreId, size }: any) => [name, datastoreId, size]),
        [
          ['scsi0', 'vms-ceph', 100],
          ['scsi1', 'local-lvm', 200],
        ],
      );
      assert.deepEqual(inputs.tags, ['gpu', 'prox-ops', 'worker']);
    });

    it("a node's own hardware, firmware, startup, tags and trunk reach its VM", async () => {
      const changed = await Recording.of(
        configuration((raw) => {
          Object.assign(raw.nodes['k8s-work-1'], {
            hardware: { memory: 65536, dataDisk: 0 },
            bios: 'ovmf',
            startup: { order: 7, upDelay: 30 },
            onBoot: false,
            tags: ['rack-2'],
            trunk: { vlans: [81, 62] },
          });
        }),
      );
      const { inputs, opts } = changed.get('k8s-work-1-vm');
      assert.equal(inputs.memory.dedicated, 65536);
      assert.equal(inputs.disks.length, 1);
      assert.equal(inputs.bios, 'ovmf');
      assert.deepEqual(inputs.efiDisk, { datastoreId: 'vms-ceph', type: '4m', preEnrolledKeys: false });
      assert.deepEqual(inputs.startup, { order: 7, upDelay: 30 });
      assert.equal(inputs.onBoot, false);
      assert.ok(inputs.tags.includes('rack-2'));
      assert.equal(inputs.networkDevices.at(-1).trunks, '62;81');
      // Its data disk goes with replicas on it: only a node that leaves in its turn may lose it.
      assert.ok(opts.replaceOnChanges?.includes('disks[1]'));
    });

    it('nothing protects a VM from its own replacement, or reboots it by the way', () => {
      for (const { inputs } of nodeVms(recording)) {
        assert.equal(inputs.protection, false);
        assert.equal(inputs.rebootAfterUpdate, false);
        assert.equal(inputs.stopOnDestroy, true);
        assert.equal(inputs.clone.retries, 1);
        assert.equal(inputs.migrate, true);
      }
    });

    it('what would restart every machine or API server at once replaces the VMs: it is in their description', async () => {
      const description = (of: Recording, name: string) => String(of.get(name).inputs.description);
      const before = description(recording, 'k8s-work-1-vm');
      assert.match(before, /^Talos v1\.11\.3, schematic \S+, Kubernetes v1\.34\.1$/);
      const changed = await Recording.of(
        configuration((raw) => {
          raw.releases.a.kubernetes = 'v1.34.2';
          raw.talos.patches = { cluster: [{ machine: { sysctls: { 'vm.max_map_count': '262144' } } }] };
          raw.nodes['k8s-work-1'].patches = [{ machine: { env: { A: 'b' } } }];
        }),
      );
      assert.match(description(changed, 'k8s-work-1-vm'), /, Kubernetes v1\.34\.2, boot configuration [0-9a-f]{12}$/);
      assert.match(description(changed, 'k8s-work-2-vm'), /, Kubernetes v1\.34\.2$/);
    });

    it('Talos may not reboot a machine by itself, where a new one can be told so: from 1.13 on', async () => {
      for (const { inputs } of recording.ofType(CONFIG)) assert.equal(inputs.applyMode, 'auto');
      const later = await Recording.of(
        configuration((raw) => {
          raw.releases.a.talos = 'v1.13.0';
        }),
      );
      for (const { inputs } of later.ofType(CONFIG)) assert.equal(inputs.applyMode, 'no_reboot');
    });

    it('a node that is put back keeps its VM and its configuration, whatever the stack file wants of them', async () => {
      const config = configuration();
      const stands = { ...targetOf(planCluster(config).nodes[3]!), address: '10.20.67.99', host: 'odin' };
      assert.equal(stands.name, 'k8s-work-1');
      const putBack = { [PUT_BACK]: JSON.stringify({ 'k8s-work-1': stands }) };
      const marked = await Recording.of(config, markNodes(planCluster(config), putBack));
      for (const name of ['k8s-work-1-gate', 'k8s-work-1-turn', 'k8s-work-1-identity'])
        assert.deepEqual(marked.get(name).inputs.node, stands);
      assert.deepEqual(marked.get('k8s-work-1-config').opts.ignoreChanges, ['*']);
      const ofTheVm = ['*', 'disks[0].speed', 'disks[1].speed'];
      assert.deepEqual(marked.get('k8s-work-1-vm').opts.ignoreChanges, ofTheVm);
      for (const name of ['k8s-work-2-vm', 'k8s-work-2-config'])
        assert.ok(!marked.get(name).opts.ignoreChanges?.includes('*'));
    });

    it('what needs the power off replaces the VM; tags, NICs, startup and disk sizes do not', () => {
      const paths = recording.get('k8s-work-1-vm').opts.replaceOnChanges ?? [];
      for (const path of ['description', 'memory', 'cpu', 'hostpcis', 'bios', 'agent', 'initialization', 'smbios'])
        assert.ok(paths.includes(path), path);
      // A machine whose first NIC changes as it runs could not be reached any more.
      for (const path of ['networkDevices[0].macAddress', 'networkDevices[0].bridge'])
        assert.ok(paths.includes(path), path);
      for (const path of ['tags', 'networkDevices', 'startup', 'onBoot', 'disks', 'disks[1]', 'nodeName'])
        assert.ok(!paths.includes(path), path);
    });

    it('a kubelet that is to stay has its own image in the configuration, another one no word of it', () => {
      const config = configuration();
      const kept = { [KUBELETS_KEPT]: JSON.stringify({ 'k8s-ctrl-1': 'v1.34.0' }) };
      const images = markNodes(planCluster(config), kept).nodes.map((node) =>
        machinePatches(config, node, 'installer').filter((patch) => patch.includes('siderolabs/kubelet')),
      );
      assert.deepEqual(images[0], ['machine:\n  kubelet:\n    image: ghcr.io/siderolabs/kubelet:v1.34.0\n']);
      assert.deepEqual(images.slice(1).flat(), []);
    });

    it('an upgrade in place is written down by another description; what needs the power off still replaces the VM', async () => {
      const config = configuration();
      const marked = await Recording.of(
        config,
        markNodes(planCluster(config), { [UPGRADED_IN_PLACE]: 'k8s-work-1,k8s-work-2' }),
      );
      const pathsOf = (name: string) => marked.get(`${name}-vm`).opts.replaceOnChanges ?? [];
      assert.ok(!pathsOf('k8s-work-1').includes('description'));
      assert.ok(pathsOf('k8s-work-1').includes('memory'));
      assert.ok(pathsOf('k8s-work-3').includes('description'));
    });

    it('the guest agent is on where the schematic has it, and nothing waits for it', async () => {
      const { agent } = recording.get('k8s-ctrl-1-vm').inputs;
      assert.equal(agent.enabled, true);
      assert.deepEqual(agent.waitForIp, { disabled: true });
      const without = await Recording.of(
        configuration((raw) => {
          raw.talos.extensions.standard = ['siderolabs/drbd'];
        }),
      );
      assert.equal(without.get('k8s-ctrl-1-vm').inputs.agent, undefined);
    });

    it('a VM is deleted before it is replaced, after its identity, its template and a valid configuration', () => {
      for (const vm of nodeVms(recording)) {
        const node = vm.name.slice(0, -'-vm'.length);
        assert.equal(vm.opts.deleteBeforeReplace, true);
        assert.equal(vm.parent, node);
        assert.ok(vm.dependsOn.includes(`${node}-identity`));
        assert.ok(vm.dependsOn.includes(`${node}-validated`));
        assert.ok(vm.dependsOn.some((name) => name.startsWith('template-a-')));
        assert.ok(!vm.dependsOn.some((name) => name.endsWith('-vm')), 'nodes are not tied to each other in the state');
        assert.ok(vm.opts.ignoreChanges && vm.opts.ignoreChanges.includes('disks[0].speed'));
        guarded(vm);
      }
    });

    it('VMs of one template are registered one after the other', () => {
      const order = recording.ofType(VM).filter(({ name }) => name.endsWith('-vm'));
      assert.equal(order.length, 15);
      assert.equal(order.filter(({ inputs }) => inputs.clone.vmId === 9006).length, 3);
    });
  });

  describe('lifecycle', () => {
    it('the resources of a control plane are chained from the gate to the turn', () => {
      const chain = ['gate', 'etcd', 'evacuation', 'drain', 'turn'].map((step) => recording.get(`k8s-ctrl-1-${step}`));
      assert.deepEqual(chain[0]?.dependsOn, ['k8s-ctrl-1-config', 'prox-ops']);
      for (const [index, link] of chain.entries()) {
        assert.equal(link.opts.deleteBeforeReplace, true);
        assert.equal(link.parent, 'k8s-ctrl-1');
        assert.equal(link.inputs.vm, 'k8s-ctrl-1-vm-id');
        assert.ok(link.secrets.includes('access'), `${link.name} access`);
        if (index > 0) assert.deepEqual(link.dependsOn, [chain[index - 1]?.name]);
      }
    });

    it('a worker has no etcd membership', () => {
      assert.deepEqual(recording.get('k8s-work-1-evacuation').dependsOn, ['k8s-work-1-gate']);
      assert.throws(() => recording.get('k8s-work-1-etcd'));
    });

    it('I8 every resource that goes and comes with a VM is a step that the kill and outage suites stop at', () => {
      for (const node of SUBJECTS) {
        const own = recording.all.filter(({ parent, name }) => parent === node && name !== `${node}-identity`);
        const steps = own.flatMap(({ type, name }) => [
          phaseOf(begun('delete', type, name)),
          phaseOf(begun('create', type, name)),
        ]);
        // A machine's configuration goes with its VM: its delete does nothing.
        const found = new Set(steps.flatMap((step) => step?.phase ?? []));
        assert.equal(steps.filter((step) => step === undefined).length, 1);
        assert.deepEqual(
          phasesOf(node).filter((phase) => !found.has(phase)),
          [],
        );
        assert.equal(found.size, phasesOf(node).length);
      }
    });

    it('an identity is for life: nothing of it depends on the VM', () => {
      const { inputs, dependsOn, secrets } = recording.get('k8s-work-1-identity');
      assert.equal(inputs.macs.length, 3);
      assert.deepEqual(dependsOn, []);
      assert.ok(secrets.includes('access'));
    });
  });

  describe('Talos', () => {
    it('R002-1 the secrets are protected, retained, and keep the version of the first build', () => {
      const { opts } = recording.get('prox-ops-secrets');
      assert.equal(opts.protect, true);
      assert.equal(opts.retainOnDelete, true);
      assert.deepEqual(opts.ignoreChanges, ['talosVersion']);
      assert.equal(opts.import, undefined);
    });

    it('an existing secrets.yaml is imported when it is given', async () => {
      const imported = await Recording.of(
        configuration((raw) => {
          raw.talos.importSecrets = 'talos/secrets.yaml';
        }),
      );
      assert.equal(imported.get('prox-ops-secrets').opts.import, 'talos/secrets.yaml');
      assert.equal(imported.get('prox-ops-secrets').opts.protect, true);
    });

    it('a configuration is validated by its hash, through standard input, before it is applied', () => {
      const { inputs, secrets, parent } = recording.get('k8s-work-1-validated');
      assert.match(inputs.create, /validate --mode cloud --config \/dev\/stdin$/);
      assert.equal(inputs.stdin.value, 'version: v1alpha1');
      assert.ok(!inputs.create.includes('v1alpha1'));
      assert.match(inputs.environment.CONFIGURATION_SHA256, /^[0-9a-f]{64}$/);
      assert.deepEqual(secrets, ['stdin']);
      // Not the node's: a roll prepares it before the first node leaves.
      assert.equal(parent, 'prox-ops-machines');
      const apply = recording.get('k8s-work-1-config');
      assert.deepEqual(apply.dependsOn, ['k8s-work-1-validated', 'k8s-work-1-vm']);
      assert.ok(apply.secrets.includes('machineConfigurationInput'));
    });

    it('a configuration goes and comes with its VM', () => {
      for (const { opts, parent, name } of recording.ofType(CONFIG)) {
        assert.equal(opts.deleteBeforeReplace, true);
        assert.deepEqual(opts.replaceOnChanges, ['node']);
        assert.equal(`${parent}-config`, name);
      }
    });

    it('every version that a configuration is rendered for is pinned', () => {
      const calls = recording.calls.filter(({ token }) => token.startsWith('talos:machine/getConfiguration'));
      assert.equal(calls.length, 15);
      for (const { inputs } of calls) {
        assert.equal(inputs.talosVersion, 'v1.11.3');
        assert.equal(inputs.kubernetesVersion, '1.34.1');
      }
    });

    it('R002-3 an update that ends before there is a Kubernetes makes machines, and nothing that needs a cluster', async () => {
      process.env[BEFORE_KUBERNETES] = '1';
      try {
        const machines = await Recording.of(configuration());
        const made = new Set(machines.all.map(({ type }) => type));
        assert.ok(made.has('prox-ops:cluster:ControlPlane'));
        assert.equal(machines.ofType(CONFIG).length, 15);
        const identity = 'pulumi-nodejs:dynamic/prox-ops:NodeIdentity';
        const others = [...made].filter((type) => type.startsWith('pulumi-nodejs:dynamic/') && type !== identity);
        assert.deepEqual(others, []);
        for (const type of ['talos:machine/bootstrap:Bootstrap', 'talos:cluster/kubeconfig:Kubeconfig'])
          assert.equal(made.has(type), false);
      } finally {
        delete process.env[BEFORE_KUBERNETES];
      }
    });

    it('nothing ever changes or repeats the bootstrap', () => {
      const { opts, dependsOn } = recording.get('prox-ops-bootstrap');
      assert.deepEqual(opts.ignoreChanges, ['node', 'endpoint', 'clientConfiguration', 'timeouts']);
      assert.deepEqual(dependsOn, ['k8s-ctrl-1-config']);
    });

    it('the kubeconfig comes after the bootstrap', () => {
      assert.deepEqual(recording.get('prox-ops-kubeconfig').dependsOn, ['prox-ops-bootstrap']);
    });
  });

  it('R004-FR10 no secret is an input that is not marked as one', () => {
    for (const { name, inputs, secrets } of recording.all)
      for (const [key, value] of Object.entries(inputs))
        if (JSON.stringify(value ?? null).includes(TOKEN)) assert.ok(secrets.includes(key), `${name}.${key}`);
  });
});

function nodeVms(recording: Recording): Registration[] {
  return recording.ofType(VM).filter(({ name }) => name.endsWith('-vm'));
}

/** Looked at before it is made and before it is changed. */
function guarded({ name, opts }: Registration): void {
  assert.equal(opts.hooks?.beforeCreate?.length, 1, name);
  assert.equal(opts.hooks?.beforeUpdate?.length, 2, name);
  assert.equal(opts.hooks?.beforeDelete, undefined, 'a destroy without the program would be refused');
}
