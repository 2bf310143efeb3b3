import type { ResourceValidationPolicy } from '@pulumi/policy';

/** A protected VM is powered off first and refused afterwards: the node is down and nothing was replaced. */
export const nodeVmsNotProtected: ResourceValidationPolicy = {
  name: 'node-vms-without-proxmox-protection',
  description:
    "Proxmox' protection flag powers a VM off and then refuses its delete: a replacement ends with the node down.",
  enforcementLevel: 'mandatory',
  validateResource: ({ type, props, name }, reportViolation) => {
    if (type !== 'proxmoxve:index/vmLegacy:VmLegacy' || props.protection !== true) return;
    reportViolation(`${name}: expected protection off, found it on. Remove it in an update of its own first.`);
  },
};
