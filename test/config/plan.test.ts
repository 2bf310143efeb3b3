import assert from 'node:assert/strict';
import { describeImage, planCluster, releaseInDescription, stableMac, stableUuid } from '../../config/plan';
import { validate } from '../../config/validate';
import { production } from '../support/stack-files';

describe('config/plan', () => {
  describe('R004-0 production', () => {
    const plan = planCluster(production());

    it('has 3 control planes and 12 workers with VM ids 8001-8015', () => {
      assert.equal(plan.controlPlanes.length, 3);
      assert.equal(plan.nodes.length, 15);
      assert.deepEqual(
        plan.nodes.map((node) => node.vmId).sort((a, b) => a - b),
        Array.from({ length: 15 }, (_, index) => 8001 + index),
      );
    });

    it('numbers templates from 9000, two a host, only where a variant is needed', () => {
      assert.deepEqual(
        plan.templates.map((template) => [template.vmId, template.key]),
        [
          [9000, 'a-baldar-standard'],
          [9002, 'a-heimdall-standard'],
          [9003, 'a-heimdall-gpu'],
          [9004, 'a-odin-standard'],
          [9006, 'a-thor-standard'],
          [9007, 'a-thor-gpu'],
        ],
      );
    });

    it('R000-1 replaces control planes first', () => {
      const roles = plan.nodes.map((node) => node.role);
      assert.deepEqual(roles, [...Array<string>(3).fill('controlplane'), ...Array<string>(12).fill('worker')]);
    });

    it('R004-CR gives workers three NICs, the second and third tagged 62 and 81', () => {
      const worker = plan.nodes.find((node) => node.name === 'k8s-work-1');
      assert.deepEqual(
        worker?.nics.map((nic) => [nic.bridge, nic.vlan, nic.address]),
        [
          ['vmbr1', undefined, '10.20.67.4/23'],
          ['vmbr0', 62, '10.20.62.4/23'],
          ['vmbr0', 81, '10.20.81.4/24'],
        ],
      );
    });
  });

  it('keeps both filled slots, so that the previous release stays bootable', () => {
    const config = production();
    config.releases = {
      active: 'b',
      a: { talos: 'v1.11.3', kubernetes: 'v1.34.1' },
      b: { talos: 'v1.12.4', kubernetes: 'v1.34.1' },
    };
    const plan = planCluster(validate(config));
    assert.equal(plan.templates.filter((template) => template.slot === 'a').length, 6);
    assert.equal(plan.templates.filter((template) => template.slot === 'b').length, 6);
    assert.ok(plan.nodes.every((node) => node.slot === 'b'));
  });

  it('a node with a release of its own stays on it', () => {
    const config = production();
    config.releases = {
      active: 'b',
      a: { talos: 'v1.11.3', kubernetes: 'v1.34.1' },
      b: { talos: 'v1.12.4', kubernetes: 'v1.34.1' },
    };
    const node = config.nodes['k8s-work-1'];
    assert.ok(node);
    node.release = 'a';
    const planned = planCluster(config).nodes.find(({ name }) => name === 'k8s-work-1');
    assert.equal(planned?.release.talos, 'v1.11.3');
    assert.equal(planned?.templateVmId, 9006);
  });

  describe('a node of its own kind', () => {
    const config = production();
    Object.assign(config.nodes['k8s-work-1'] ?? {}, {
      hardware: { memory: 65536, dataDisk: 0 },
      bios: 'ovmf',
      startup: { upDelay: 30 },
      onBoot: false,
      tags: ['storage-free'],
      trunk: { vlans: [81, 62, 81] },
    });
    const planned = (name: string) => planCluster(config).nodes.find((node) => node.name === name);
    const node = planned('k8s-work-1');

    it('has the hardware of its role where it says nothing else', () => {
      assert.deepEqual(node?.hardware, { cores: 16, sockets: 1, memory: 65536, disk: 100 });
      assert.deepEqual(planned('k8s-work-2')?.hardware, {
        cores: 16,
        sockets: 1,
        memory: 32768,
        disk: 100,
        dataDisk: 200,
      });
    });

    it('runs a satellite only with a data disk', () => {
      assert.equal(node?.satellite, false);
      assert.equal(planned('k8s-work-2')?.satellite, true);
      assert.equal(planned('k8s-ctrl-1')?.satellite, false);
    });

    it('carries its own firmware, startup and tags', () => {
      assert.equal(node?.bios, 'ovmf');
      assert.equal(node?.onBoot, false);
      assert.deepEqual(node?.startup, { order: 2, upDelay: 30 });
      assert.deepEqual(node?.tags, ['prox-ops', 'standard', 'storage-free', 'worker']);
      assert.deepEqual(planned('k8s-ctrl-1')?.startup, { order: 1 });
    });

    it('has its NICs in the order of their VLANs: Pulumi hands keys over in their own order', () => {
      const config = production();
      const reversed = { ...config, networks: Object.fromEntries(Object.entries(config.networks).reverse()) };
      assert.deepEqual(planCluster(reversed), planCluster(config));
      assert.deepEqual(
        planCluster(reversed)
          .nodes.find(({ name }) => name === 'k8s-work-1')
          ?.nics.map(({ vlan }) => vlan),
        [undefined, 62, 81],
      );
    });

    it('R002-5 has a trunk as its last NIC, without an address, its VLANs once and ascending', () => {
      assert.deepEqual(
        node?.nics.map(({ bridge, vlan, trunks, address }) => ({ bridge, vlan, trunks, address })).at(-1),
        { bridge: 'vmbr0', vlan: undefined, trunks: [62, 81], address: undefined },
      );
      assert.equal(new Set(node?.nics.map(({ mac }) => mac)).size, 4);
    });
  });

  describe('add-ons', () => {
    it('have the RuntimeClass where a node has a GPU, unless the file says otherwise', () => {
      const config = production();
      assert.deepEqual(planCluster(config).addons, {
        driverAccess: true,
        nvidiaRuntimeClass: true,
        linstorHostDevices: [],
        automation: false,
      });
      for (const node of Object.values(config.nodes)) node.variant = 'standard';
      assert.equal(planCluster(config).addons.nvidiaRuntimeClass, false);
      config.addons.nvidiaRuntimeClass = true;
      assert.equal(planCluster(config).addons.nvidiaRuntimeClass, true);
    });
  });

  it('UUIDs are well-formed and MACs unicast with the Proxmox prefix', () => {
    assert.match(stableUuid('any'), /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.match(stableMac('any'), /^BC:24:11:([0-9A-F]{2}:){2}[0-9A-F]{2}$/);
  });

  it('reads back the release that a description names, and none from a foreign one', () => {
    assert.equal(releaseInDescription(describeImage('v1.12.4', 'abc')), 'v1.12.4');
    assert.equal(releaseInDescription('my old VM'), undefined);
  });
});
