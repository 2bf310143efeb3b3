import { resourcePolicy, stackPolicy } from './support/define';
import { nodeNameOf, nodeVms, type VmProps } from './support/nodes';
import { extensionsOf } from './support/schematics';
import { VM } from './support/types';

const WHERE = 'Change it in components/nodeVm.ts.';

export const gpuVmHardware = resourcePolicy(
  {
    name: 'gpu-vm-hardware',
    description: 'A GPU passed through by raw id, or without PCIe on q35, is gone or another one after the next start.',
  },
  [VM],
  ({ resource, unknowns, report }) => {
    const props = resource.props as VmProps;
    const name = nodeNameOf(resource);
    const devices = unknowns.attempt(() => Array.from(props.hostpcis ?? [])) ?? [];
    const tagged = unknowns.attempt(() => props.tags?.includes('gpu') === true && props.template !== true) ?? false;
    if (devices.length === 0 && !tagged) return;
    if (devices.length === 0)
      report(`${name}: expected a PCI mapping on a node of variant gpu, found none. Set nodes.${name}.pci.`);
    unknowns.attempt(() => {
      if (props.machine?.startsWith('q35') !== true)
        report(`${name}: expected machine q35 for a GPU, found ${props.machine ?? 'the default'}. ${WHERE}`);
    });
    unknowns.each(devices.entries(), ([index, device]) => {
      const at = `${name}: ${device.device ?? `hostpci${index}`}:`;
      if (device.id !== undefined && device.id !== '')
        report(
          `${at} expected a mapping's name, found the raw id ${device.id}: it moves with the slot. Set nodes.${name}.pci.`,
        );
      else if (device.mapping === undefined || device.mapping === '')
        report(`${at} expected a mapping's name, found none. Set nodes.${name}.pci.`);
      if (device.pcie !== true) report(`${at} expected pcie: true, found it off. ${WHERE}`);
    });
  },
);

const DEFAULT_EXTENSIONS = ['nvidia.*(kmod|kernel)|kmod-nvidia', 'nvidia-container-toolkit'];

export const gpuSchematic = stackPolicy(
  {
    name: 'gpu-schematic',
    description: 'A GPU node from an image without the drivers comes up Ready and runs none of its workloads.',
    config: {
      properties: { extensions: { type: 'array', items: { type: 'string' }, default: DEFAULT_EXTENSIONS } },
    },
  },
  ({ stack, unknowns, report }) => {
    const { extensions = DEFAULT_EXTENSIONS } = stack.getConfig<{ extensions?: string[] }>();
    unknowns.each(nodeVms(stack), (vm) => {
      if ((vm.props.hostpcis ?? []).length === 0) return;
      const found = extensionsOf(vm);
      for (const wanted of extensions.filter((pattern) => !found?.some((name) => new RegExp(pattern).test(name))))
        report(
          `${vm.name}: expected a system extension like /${wanted}/ in its schematic, found ${found?.join(', ') ?? 'no schematic'}. ` +
            `Add it to prox-ops:talos.extensions.gpu.`,
          vm.resource.urn,
        );
    });
  },
);
