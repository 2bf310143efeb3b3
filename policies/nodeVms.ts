import { resourcePolicy } from './support/define';
import { nodeNameOf } from './support/nodes';
import { VM } from './support/types';

/** A protected VM is powered off first and refused afterwards: the node is down and nothing was replaced. */
export const nodeVmsNotProtected = resourcePolicy(
  {
    name: 'node-vms-without-proxmox-protection',
    description:
      "Proxmox' protection flag powers a VM off and then refuses its delete: a replacement ends with the node down.",
  },
  [VM],
  ({ resource, report }) => {
    if (resource.props.protection !== true) return;
    report(
      `${nodeNameOf(resource)}: expected protection off, found it on. Remove it from the VM's description, in an update of its own before the node is replaced.`,
    );
  },
);
