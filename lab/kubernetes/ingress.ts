import type { V1Pod } from '@kubernetes/client-node';
import { createServer, type Server } from 'node:http';
import type { World } from '../world/world.js';
import { INGRESS, WEB } from './names.js';
import type { Session } from './session.js';

/** What answers for a host name: pods of one name in one namespace. */
const BACKENDS: Record<string, { namespace: string; name: string }> = { [INGRESS.host]: WEB };

/**
 * The address that an ingress controller gives the cluster's workloads outside. It listens as long as a pod of the
 * controller is Ready, and answers 503 for a host none of whose pods is.
 */
export class IngressAddress {
  private server: Server | undefined;

  constructor(
    private readonly world: World,
    private readonly session: Session,
  ) {
    session.onPod((pod) => {
      if (isOf(pod, INGRESS.controller)) this.update();
    });
    this.update();
  }

  close(): void {
    this.server?.close();
    this.server?.closeAllConnections();
    this.server = undefined;
  }

  private update(): void {
    const wanted = this.ready(INGRESS.controller);
    if (wanted === (this.server !== undefined)) return;
    if (!wanted) return this.close();
    const { control, ports } = this.world.network;
    this.server = createServer(({ headers }, response) => {
      const backend = BACKENDS[headers.host?.replace(/:\d+$/, '') ?? ''];
      response.writeHead(backend === undefined ? 404 : this.ready(backend) ? 200 : 503).end();
    });
    this.server.on('error', ({ message }) => this.world.events.emit({ type: 'lab.failure', part: 'ingress', message }));
    this.server.listen(ports.ingress, control);
  }

  private ready(workload: { namespace: string; name: string }): boolean {
    const pods = this.session.pods.list().filter((pod) => isOf(pod, workload));
    return pods.some(({ status }) =>
      status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True'),
    );
  }
}

function isOf({ metadata }: V1Pod, { namespace, name }: { namespace: string; name: string }): boolean {
  return metadata?.namespace === namespace && metadata.labels?.['app.kubernetes.io/name'] === name;
}
