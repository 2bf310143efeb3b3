import { gpuSchematic, gpuVmHardware } from '../../policies/gpu';
import { UNKNOWN } from '../support/policies';
import { testPolicy } from '../support/policy-cases';
import { changed, cluster, withProps } from '../support/policy-cluster';

const gpu = (props: Record<string, unknown>) => withProps(cluster(), 'k8s-work-4-vm', props);
const device = (hostpci: object) =>
  gpu({ hostpcis: [{ device: 'hostpci0', mapping: 'thor-gpu', pcie: true, ...hostpci }] });
const schematic = (...extensions: string[]) =>
  withProps(cluster(), 'schematic-gpu', {
    schematic: `{customization: {systemExtensions: {officialExtensions: [${extensions.join(', ')}]}}}`,
  });

describe('policies/gpu', () => {
  testPolicy(gpuVmHardware, ({ passes, fails, unjudged }) => {
    passes('mapped, PCIe, q35', cluster);
    passes('a versioned q35', () => gpu({ machine: 'q35,viommu=intel' }));
    passes('another machine without a GPU', () => withProps(cluster(), 'k8s-work-1-vm', { machine: 'pc' }));
    fails('another machine', () => gpu({ machine: 'pc' }), /k8s-work-4: expected machine q35 for a GPU, found pc/);
    fails('no machine', () => gpu({ machine: undefined }), /found the default/);
    fails(
      'a raw id',
      () => device({ id: '0000:41:00.0', mapping: undefined }),
      /k8s-work-4: hostpci0: expected a mapping's name, found the raw id 0000:41:00\.0/,
    );
    fails('a raw id beside the mapping', () => device({ id: '0000:41:00' }), /found the raw id/);
    fails('neither', () => device({ mapping: undefined }), /expected a mapping's name, found none/);
    fails('no PCIe', () => device({ pcie: false }), /hostpci0: expected pcie: true, found it off/);
    fails(
      'a GPU node without a GPU',
      () => gpu({ hostpcis: [] }),
      /expected a PCI mapping on a node of variant gpu, found none/,
    );
    unjudged(
      'the machine, of a raw id',
      () => withProps(device({ id: 'x' }), 'k8s-work-4-vm', { machine: UNKNOWN.text }),
      /machine/,
      [/raw id x/],
    );
    unjudged('the devices', () => gpu({ hostpcis: UNKNOWN.list }), /hostpcis/, [/expected a PCI mapping/]);
  });

  testPolicy(gpuSchematic, ({ passes, fails, unjudged }) => {
    passes('drivers and toolkit', cluster);
    passes('the open driver', () =>
      schematic('siderolabs/nvidia-open-gpu-kernel-modules-lts', 'siderolabs/nvidia-container-toolkit-lts'),
    );
    fails('no toolkit', () => schematic('siderolabs/nonfree-kmod-nvidia-production'), [
      /k8s-work-4: expected a system extension like \/nvidia-container-toolkit\/ in its schematic/,
      /k8s-work-14/,
    ]);
    fails('no schematic', () => changed(cluster(), 'k8s-work-4-vm', { propertyDependencies: {} }), [
      /kmod.* found no schematic/,
      /toolkit.* found no schematic/,
    ]);
    fails('what the configuration asks for', cluster, [/k8s-work-4: .*\/fabricmanager\//, /k8s-work-14/], {
      extensions: ['fabricmanager'],
    });
    unjudged(
      'the schematic of two nodes',
      () => withProps(cluster(), 'schematic-gpu', { schematic: UNKNOWN.text }),
      /schematic/,
    );
  });
});
