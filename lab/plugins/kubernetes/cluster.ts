import { Awaiter } from './await.js';
import { KubeClient, UnreachableError } from './client.js';
import { Discovery } from './discovery.js';
import type { Mutability } from './force-new.js';
import type { ClusterAccess } from './kubeconfig.js';
import { Writer } from './apply.js';

export interface ClusterSettings {
  access: ClusterAccess;
  /** The provider's own default namespace; '' when it sets none. */
  namespace: string;
  mutable: Mutability;
  patchForce: boolean;
  deleteUnreachable: boolean;
  /** While the API is away, inputs and state stay as they were. */
  skipUpdateUnreachable: boolean;
  /** A create applies to an object that is there already. */
  upsertExistingObjects: boolean;
}

/** One cluster that a provider talks to. */
export class Cluster {
  readonly client: KubeClient;
  readonly discovery: Discovery;
  readonly writer: Writer;
  readonly awaiter: Awaiter;
  private found: Promise<boolean> | undefined;

  constructor(readonly settings: ClusterSettings) {
    this.client = new KubeClient(settings.access);
    this.discovery = new Discovery(this.client);
    this.writer = new Writer(this.client, this.discovery);
    this.awaiter = new Awaiter(this.client, this.discovery);
  }

  /** Whether resources are to be left as they are. Looked at once in a provider's life, as the real one does. */
  async skipped(): Promise<boolean> {
    if (!this.settings.skipUpdateUnreachable) return false;
    this.found ??= this.client.call({ method: 'GET', path: '/version' }).then(
      () => true,
      (error: unknown) => !(error instanceof UnreachableError),
    );
    return !(await this.found);
  }
}
