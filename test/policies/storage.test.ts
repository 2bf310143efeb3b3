import { linstorNodeDataDisk, linstorNodeDrbd } from '../../policies/storage';
import { UNKNOWN } from '../support/policies';
import { testPolicy } from '../support/policy-cases';
import { changed, cluster, configureStack, withProps } from '../support/policy-cluster';

const disks = (...names: string[]) =>
  withProps(cluster(), 'k8s-work-1-vm', { disks: names.map((name) => ({ interface: name })) });
const satellite = (node: string, value: unknown, stack = cluster()) =>
  withProps(stack, `${node}-HealthGate`, { node: { satellite: value } });

describe('policies/storage', () => {
  testPolicy(linstorNodeDataDisk, ({ passes, fails, unjudged }) => {
    passes('workers with a data disk, control planes without', cluster);
    fails(
      'a satellite without a data disk',
      () => disks('scsi0'),
      /k8s-work-1: expected a data disk on a LINSTOR node, found none/,
    );
    fails(
      'a data disk that nobody evacuates',
      () => satellite('k8s-work-1', false),
      /k8s-work-1: expected the evacuation to guard the node's data disk, found it switched off/,
    );
    passes('a cluster without LINSTOR', () => {
      configureStack((raw) => {
        delete raw['linstor'];
      });
      return satellite('k8s-work-1', false);
    });
    unjudged('whether one is a satellite', () => satellite('k8s-work-1', UNKNOWN.boolean, disks('scsi0')), /satellite/);
    unjudged(
      'the disks of one, while another has none',
      () => withProps(satellite('k8s-ctrl-1', true), 'k8s-work-1-vm', { disks: UNKNOWN.list }),
      /disks/,
      [/k8s-ctrl-1: expected a data disk/],
    );
  });

  testPolicy(linstorNodeDrbd, ({ passes, fails, unjudged }) => {
    const schematic = (text: string) => withProps(cluster(), 'schematic-gpu', { schematic: text });
    passes('DRBD in both schematics', cluster);
    fails(
      'another extension',
      () => schematic('{customization: {systemExtensions: {officialExtensions: [siderolabs/zfs]}}}'),
      [/k8s-work-4: expected siderolabs\/drbd in its schematic, found siderolabs\/zfs/, /k8s-work-14/],
    );
    fails('none', () => schematic('{customization: {}}'), [/k8s-work-4: .* found \./, /k8s-work-14/]);
    fails(
      'no schematic',
      () => changed(cluster(), 'k8s-work-1-vm', { propertyDependencies: {} }),
      /k8s-work-1: .* found no schematic/,
    );
    passes('no satellite, no DRBD', () =>
      satellite('k8s-work-1', false, changed(cluster(), 'k8s-work-1-vm', { propertyDependencies: {} })),
    );
    unjudged('a schematic', () => schematic(UNKNOWN.text), /schematic/);
  });
});
