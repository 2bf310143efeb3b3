import { FaultError } from '../world/faults.js';
import type { ByHand } from './by-hand.js';
import type { Site } from './site.js';

/**
 * The fault vm-id-reused: somebody removed a node's VM and gave its id to a machine of their own, which runs. Nothing
 * of the node is left but the number. Returns the way to stop listening.
 */
export function watchReusedIds(site: Site, hand: ByHand): () => void {
  return site.world.faults.onChange((fault, change) => {
    if (fault.name !== 'vm-id-reused' || change !== 'set') return;
    const vm = site.vms.named(fault.subject);
    if (!vm) {
      site.world.faults.clear(fault.name, fault.subject);
      throw new FaultError(`fault 'vm-id-reused': expected the name of a VM, found '${fault.subject}'`);
    }
    // Later in this turn: whoever else listens learns of the fault before its effect.
    queueMicrotask(() => reuse(site, hand, vm.vmid));
  });
}

function reuse(site: Site, hand: ByHand, vmid: number): void {
  const vm = site.vms.find(vmid);
  if (!vm) return;
  const { host } = vm;
  const storage = site.volumes.on(host).find(({ content }) => content.includes('images'));
  const [bridge] = site.hosts.find(host)?.bridges ?? [];
  hand.remove(vmid);
  const options = {
    memory: '4096',
    cores: '2',
    ...(bridge === undefined ? {} : { net0: `virtio,bridge=${bridge}` }),
    ...(storage === undefined ? {} : { scsi0: `${storage.name}:32` }),
  };
  hand.create({ vmid, host, name: `accounting-db-${vmid}`, running: true, options });
}
