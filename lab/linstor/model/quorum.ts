import { CODE } from './codes.js';
import type { Replies } from './replies.js';
import { isDiskless, sorted, type Definition, type Replica } from './state.js';

const QUORUM = 'DrbdOptions/Resource/quorum';

/** AutoQuorum: 'majority' where it is feasible (3 replicas, or 2 with a disk and a third party), 'off' otherwise. */
export function updateQuorum(replies: Replies, definition: Definition): void {
  const before = definition.props[QUORUM];
  if (isFeasible(definition)) {
    definition.props[QUORUM] = 'majority';
    if (before === 'majority') return;
    const was = before === undefined ? 'undefined' : `'${before}'`;
    const message = `Resource-definition property '${QUORUM}' updated from ${was} to 'majority' by AutoQuorum`;
    replies.add('info', CODE.infoPropertySet, message);
    return;
  }
  definition.props[QUORUM] = 'off';
  if (before === undefined || before === 'off') return;
  const message = `Resource-definition property '${QUORUM}' was removed as there are not enough resources for quorum`;
  replies.add('info', CODE.infoPropertyRemoved, message);
}

/** Neither going nor switched off. */
export function isActive(replica: Replica): boolean {
  return !replica.flags.has('INACTIVE') && !replica.flags.has('DELETE');
}

function isFeasible(definition: Definition): boolean {
  const replicas = sorted(definition.replicas).filter(isActive);
  const diskful = replicas.filter((replica) => !isDiskless(replica)).length;
  return diskful >= 3 || (diskful === 2 && replicas.length > 2);
}
