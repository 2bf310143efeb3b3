import { Awaiter } from './await.js';
import { KubeClient } from './client.js';
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
}

/** One cluster that a provider talks to. */
export class Cluster {
  readonly client: KubeClient;
  readonly discovery: Discovery;
  readonly writer: Writer;
  readonly awaiter: Awaiter;

  constructor(readonly settings: ClusterSettings) {
    this.client = new KubeClient(settings.access);
    this.discovery = new Discovery(this.client);
    this.writer = new Writer(this.client, this.discovery);
    this.awaiter = new Awaiter(this.client, this.discovery);
  }
}
