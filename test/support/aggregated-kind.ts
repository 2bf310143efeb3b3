import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { Connection } from '../../lab/kubernetes/connection';
import { createAuthority, issue } from '../../lab/world/certificates';
import { until } from '../lab/kubernetes/support';

const SERVICES = '/api/v1/namespaces/default/services';
const API_SERVICES = '/apis/apiregistration.k8s.io/v1/apiservices';

interface Kind {
  group: string;
  version: string;
  plural: string;
  kind: string;
}

interface ApiService {
  metadata: { name: string };
  status?: { conditions?: { type: string; status: string }[] };
}

/**
 * A kind that the API server itself does not have, in a group that is its own: served through its aggregation layer by this
 * process. A definition would not do, since the built-in group answers for all that is below its path.
 */
export class AggregatedKind {
  /** How many objects of it there are. */
  objects = 0;

  private constructor(
    private readonly kind: Kind,
    private readonly api: Connection,
    private readonly server: Server,
  ) {}

  /** Resolves once the API server passes requests on. */
  static async serve(kubeconfig: string, kind: Kind): Promise<AggregatedKind> {
    const authority = await createAuthority({ commonName: 'test', algorithm: 'ecdsa' });
    const { crt: cert, key } = await issue(authority, { commonName: 'localhost', dns: ['localhost'], server: true });
    const server = createServer({ cert, key });
    const served = new AggregatedKind(kind, new Connection(kubeconfig), server);
    server.on('request', ({ url = '' }, response) => {
      const [status, body] = served.answer(url.replace(/\?.*$/, ''));
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    await served.register();
    return served;
  }

  async close(): Promise<void> {
    await this.api.delete(`${API_SERVICES}/${this.name}`);
    await this.api.delete(`${SERVICES}/aggregated`);
    this.api.close();
    this.server.closeAllConnections();
    this.server.close();
  }

  private get name(): string {
    return `${this.kind.version}.${this.kind.group}`;
  }

  private async register(): Promise<void> {
    const { group, version } = this.kind;
    const { port } = this.server.address() as AddressInfo;
    await this.api.create(SERVICES, {
      metadata: { name: 'aggregated' },
      spec: { type: 'ExternalName', externalName: 'localhost' },
    });
    const service = { namespace: 'default', name: 'aggregated', port };
    const priorities = { groupPriorityMinimum: 100, versionPriority: 1 };
    const spec = { group, version, service, insecureSkipTLSVerify: true, ...priorities };
    await this.api.create(API_SERVICES, { metadata: { name: this.name }, spec });
    await until<ApiService>(this.api, API_SERVICES, (all) =>
      all.some(
        ({ metadata, status }) =>
          metadata.name === this.name &&
          (status?.conditions ?? []).some(({ type, status: is }) => type === 'Available' && is === 'True'),
      ),
    );
  }

  private answer(path: string): [number, object] {
    const { group, version, plural, kind } = this.kind;
    const groupVersion = `${group}/${version}`;
    const root = `/apis/${groupVersion}`;
    const resource = { name: plural, singularName: '', namespaced: true, kind, verbs: ['list'] };
    if (path === root) return [200, { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources: [resource] }];
    if (path !== `${root}/${plural}`) return [404, { kind: 'Status', apiVersion: 'v1', status: 'Failure', code: 404 }];
    const items = Array.from({ length: this.objects }, (_, index) => ({
      metadata: { namespace: 'default', name: `left-over-${index}` },
    }));
    return [200, { kind: `${kind}List`, apiVersion: groupVersion, metadata: {}, items }];
  }
}
