import { LinstorClient, forwardTransport, httpTransport, type Kubernetes } from '@prox-ops/operations';
import type { LiveLinstor } from './compose';
import type { Findings } from './findings';

/** The controller's label, as Piraeus and its charts set it. */
export const CONTROLLER = 'app.kubernetes.io/component=linstor-controller';
const DISKLESS = 'DISKLESS';

/**
 * Finds the LINSTOR controller in the cluster and reads its pools. Undefined when there is none.
 * @param url of a controller that is reached by an address of its own.
 */
export async function readLinstor(
  kubernetes: Kubernetes,
  url: string | undefined,
  findings: Findings,
): Promise<LiveLinstor | undefined> {
  const pods = (await kubernetes.list('/api/v1/pods', { labelSelector: CONTROLLER })) ?? [];
  const namespace = pods[0]?.metadata.namespace;
  if (namespace === undefined && url === undefined) return undefined;
  const where = namespace ?? 'piraeus-datastore';
  const transport =
    url === undefined ? forwardTransport(kubernetes, { namespace: where, selector: CONTROLLER }) : httpTransport(url);
  try {
    const pools = await new LinstorClient(transport).pools();
    const named = pools.filter(({ provider_kind }) => provider_kind !== DISKLESS).map((pool) => pool.storage_pool_name);
    return { namespace: where, pools: named, ...(url !== undefined && { url }) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    findings.problem(`linstor: expected an answer of the controller in namespace ${where}, found: ${message}`);
    return undefined;
  }
}
