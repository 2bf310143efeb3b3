import { CODE, OBJECT } from './codes.js';
import { isRunning, peersOf } from './drbd.js';
import type { Model } from './model.js';
import { warnNotConnected, type Replies } from './replies.js';
import { adjusted } from './satellites.js';
import type { LinstorNode, Replica } from './state.js';

/** All replicas of a node that is being deleted go, whether its satellite is there to undeploy them or not. */
export function deleteNodeReplicas(model: Model, replies: Replies, node: LinstorNode, replicas: Replica[]): void {
  if (!node.online) warnNotConnected(replies, node.name);
  for (const replica of replicas) {
    if (isRunning(replica)) adjusted(replies, replica, 'deleted');
    replies.add('success', CODE.modified, `Deleted resource '${replica.definition.name}' on '${node.name}'`);
  }
  for (const replica of replicas) {
    for (const peer of peersOf(replica).filter(isRunning)) {
      adjusted(replies, peer, 'resized');
      const what = `resource '${replica.definition.name}' on '${node.name}' is being deleted`;
      replies.addAs({ object: OBJECT.node }, 'success', CODE.modified, `Notified '${peer.node.name}' that ${what}`);
    }
    model.forget(replica);
  }
}
