import { NetworkProbe } from '../checks/probe/networkProbe.js';
import type { Session } from '../clients/session.js';
import type { ClusterAccess } from '../contract.js';
import type { Step } from '../step.js';
import { ownNodes } from './ownCluster.js';
import { fenced } from './turn.js';

/** On the node that has just joined, as long as its turn is held. */
export function probeInTurn(step: Step): NetworkProbe {
  return new NetworkProbe({ node: step.node.name, write: (act) => fenced(step, act), signal: step.ctx.signal });
}

/** For a person who asks, on a worker that is in service. @throws Stop, at its first write, for another cluster's API. */
export function probeOnRequest(session: Session, access: ClusterAccess, signal: AbortSignal): NetworkProbe {
  const write = async <T>(act: () => Promise<T>): Promise<T> => {
    await ownNodes(session, access);
    return act();
  };
  return new NetworkProbe({ write, signal });
}
