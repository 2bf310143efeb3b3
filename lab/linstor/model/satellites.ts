import { isRunning, peersOf } from './drbd.js';
import { CODE, OBJECT } from './codes.js';
import type { Replies } from './replies.js';
import { isDiskless, sorted, type Definition, type Replica } from './state.js';

/** What one satellite reports after it has brought a replica into the wanted shape. */
export function adjusted(replies: Replies, replica: Replica, volumes: 'created' | 'resized' | 'deleted'): void {
  const { node, definition } = replica;
  if (!isDiskless(replica)) {
    const code = { created: CODE.created, resized: CODE.modified, deleted: CODE.deleted }[volumes];
    for (const volume of definition.volumes) {
      const refs = { ...replies.context.refs, RscDfn: definition.name, VlmNr: String(volume.number) };
      const what = `Volume number ${volume.number} of resource '${definition.name}' [LVM] ${volumes}`;
      replies.addAs({ object: OBJECT.volume, refs }, 'success', code, `(${node.name}) ${what}`);
    }
  }
  if (!definition.drbd) return;
  const deleted = volumes === 'deleted';
  const message = `(${node.name}) Resource '${definition.name}' [DRBD] ${deleted ? 'deleted' : 'adjusted'}.`;
  replies.addAs({ object: OBJECT.resource }, 'success', deleted ? CODE.deleted : CODE.modified, message);
}

/** All satellites of a resource are told; each online one adjusts and the controller sums it up in `message`. */
export function updateAll(
  replies: Replies,
  definition: Definition,
  message: (node: string) => string,
  replicas: Replica[] = sorted(definition.replicas),
): void {
  for (const replica of replicas) {
    if (isRunning(replica)) adjusted(replies, replica, 'resized');
    replies.add('success', CODE.modified, message(replica.node.name));
  }
}

/** A replica is being taken off its node: its peers are told. */
export function reportCleanUp(replies: Replies, replica: Replica): void {
  const { node, definition } = replica;
  if (isRunning(replica)) {
    replies.add('success', CODE.modified, `Cleaning up '${definition.name}' on '${node.name}'`);
  }
  const cleaned = `'${definition.name}' is being cleaned up on Node(s): [${node.name}]`;
  updatePeers(replies, replica, (peer) => `Notified '${peer}' that ${cleaned}`);
}

/** The peers of a replica are told; only those online answer. */
export function updatePeers(replies: Replies, replica: Replica, message: (peer: string) => string): void {
  for (const peer of peersOf(replica).filter(isRunning)) {
    adjusted(replies, peer, 'resized');
    replies.add('success', CODE.modified, message(peer.node.name));
  }
}
