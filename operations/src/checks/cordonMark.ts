import type { Node } from '../clients/kubernetesObjects.js';

/** Set with our cordon to the run's id: what somebody else cordoned stays cordoned. */
export const CORDONED_BY = 'prox-ops.io/cordoned-by';

export function cordonedByUs(node: Node): boolean {
  return node.metadata.annotations?.[CORDONED_BY] !== undefined;
}
