import { unknown } from '../rpc/status.js';
import { hex } from './cluster.js';
import type { EtcdService } from './service.js';

/**
 * What the old Upgrade asks of etcd before it begins (the newer path asks nothing): every member started and healthy,
 * and not two of them. @throws RpcError
 */
export function validateForUpgrade({ cluster }: EtcdService): void {
  const members = cluster?.list() ?? [];
  const refuse = (problem: string) => unknown(`error validating etcd for upgrade: ${problem}`);
  if (members.length === 2) {
    throw refuse('etcd member count(2) is insufficient to maintain quorum if upgrade commences');
  }
  for (const { id, name, live } of members) {
    const member = `etcd member ${hex(id)}`;
    if (name === '') throw refuse(`${member} is not started, all members must be running to perform an upgrade`);
    if (!live || !cluster!.hasQuorum()) {
      throw refuse(
        `${member} is not healthy; all members must be healthy to perform an upgrade: context deadline exceeded`,
      );
    }
  }
}
