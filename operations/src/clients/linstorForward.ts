import { Agent, request, type ClientRequestArgs } from 'node:http';
import type { Duplex } from 'node:stream';
import type { LinstorAccess } from '../contract.js';
import { exchange } from './http.js';
import type { Kubernetes } from './kubernetes.js';
import { holds, type Pod } from './kubernetesObjects.js';
import type { Transport } from './linstor.js';

/** The controller's plain HTTP port. */
const CONTROLLER_PORT = 3370;

/**
 * Requests to the controller's pod through the API server, found by namespace and selector. The pod is looked up for
 * every connection: a drain may have moved it since.
 */
export function forwardTransport(kubernetes: Kubernetes, access: LinstorAccess): Transport {
  const agent = new PodAgent(kubernetes, access);
  return async (method, path, body, timeout) => {
    const headers =
      body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    return exchange(request, { agent, method, path, headers, host: 'linstor-controller' }, body, timeout);
  };
}

class PodAgent extends Agent {
  constructor(
    private readonly kubernetes: Kubernetes,
    private readonly access: LinstorAccess,
  ) {
    super({ keepAlive: false });
  }

  override createConnection(
    _options: ClientRequestArgs,
    done?: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    this.open().then(
      (stream) => done?.(null, stream),
      // node:http looks at the error alone.
      (error: Error) => done?.(error, undefined as unknown as Duplex),
    );
  }

  private async open(): Promise<Duplex> {
    const { namespace, selector } = this.access;
    const pods = await this.kubernetes.list<Pod>(`/api/v1/namespaces/${namespace}/pods`, { labelSelector: selector });
    const ready = pods?.find((pod) => holds(pod, 'Ready') && pod.metadata.deletionTimestamp === undefined);
    if (!ready) {
      const found = pods?.map((pod) => pod.metadata.name).join(', ') || 'none';
      throw new Error(`expected a Ready pod for ${selector} in ${namespace}, found: ${found}`);
    }
    return this.kubernetes.openPort(namespace, ready.metadata.name, CONTROLLER_PORT);
  }
}
