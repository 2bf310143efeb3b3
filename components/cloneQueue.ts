import * as pulumi from '@pulumi/pulumi';

/**
 * Proxmox gives a clone one second to get its template's lock file, which another clone may hold for as long as it
 * copies: two clones of one template end with "can't lock file ... got timeout", and the provider does not try again.
 * So each VM is registered once the one before it, from the same template, is there.
 *
 * The order is made of plain promises. A dependsOn would stay in the state, and would tie nodes to each other that have
 * nothing else in common: the engine would take one for a dependent of the other.
 */
export class CloneQueue {
  private readonly last = new Map<number, Promise<unknown>>();

  /** @param make makes the VM from the template's id, which it gets when it is the VM's turn. */
  add<T extends pulumi.Resource>(templateVmId: number, make: (templateVmId: pulumi.Output<number>) => T): T {
    const before = this.last.get(templateVmId) ?? Promise.resolve();
    const vm = make(pulumi.output(before.then(() => templateVmId)));
    // The URN is known in a preview as well, where the id of a VM to be made is not.
    this.last.set(templateVmId, new Promise((resolve) => vm.urn.apply(resolve)));
    return vm;
  }
}
