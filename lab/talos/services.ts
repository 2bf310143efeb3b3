/** States as the machine API names them. */
export type ServiceState = 'Waiting' | 'Preparing' | 'Running' | 'Finished' | 'Failed';

export interface Service {
  id: string;
  state: ServiceState;
  /** Absent: the service has no health check. */
  healthy?: boolean;
  message: string;
  changed: number;
}

/** What runs in any mode, and what a configured machine adds to it. Those without a health check are marked. */
const BASE = ['apid', 'auditd', 'containerd', 'dashboard', 'machined', 'syslogd', 'udevd'];
const UNCHECKED = new Set(['auditd', 'dashboard', 'ext-qemu-guest-agent', 'ext-nvidia-persistenced', 'ext-iscsid']);
const EXTENSION_SERVICES: Record<string, string> = {
  'siderolabs/qemu-guest-agent': 'ext-qemu-guest-agent',
  'siderolabs/iscsi-tools': 'ext-iscsid',
  'siderolabs/nvidia-container-toolkit-production': 'ext-nvidia-persistenced',
  'siderolabs/nvidia-container-toolkit-lts': 'ext-nvidia-persistenced',
};

/** The services of one boot. */
export class ServiceTable {
  private readonly table = new Map<string, Service>();

  constructor(
    private readonly now: () => number,
    private readonly onChange: (service: Service) => void,
  ) {}

  /** Those that run before there is a configuration, too. */
  startBase(): void {
    for (const id of BASE) this.run(id);
  }

  /** Those of a configured machine but kubelet and etcd, which have lives of their own. */
  startConfigured(role: 'controlplane' | 'worker', extensions: readonly string[]): void {
    this.run('cri');
    if (role === 'controlplane') this.run('trustd');
    for (const name of extensions) {
      const service = EXTENSION_SERVICES[name];
      if (service !== undefined) this.run(service);
    }
  }

  run(id: string): void {
    this.set(id, 'Running', `Started task ${id}`, UNCHECKED.has(id) ? undefined : true);
  }

  set(id: string, state: ServiceState, message: string, healthy: boolean | undefined): void {
    const before = this.table.get(id);
    if (before?.state === state && before.healthy === healthy && before.message === message) return;
    const service = { id, state, message, changed: this.now(), ...(healthy === undefined ? {} : { healthy }) };
    this.table.set(id, service);
    this.onChange(service);
  }

  stop(id: string): void {
    if (this.table.has(id)) this.set(id, 'Finished', 'Service finished successfully', undefined);
  }

  /** Everything but what answers the machine API. */
  stopAll(): void {
    for (const id of this.table.keys()) if (id !== 'apid' && id !== 'machined') this.stop(id);
  }

  get(id: string): Service | undefined {
    return this.table.get(id);
  }

  list(): Service[] {
    return [...this.table.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }
}
