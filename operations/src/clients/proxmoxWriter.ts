import type { Clock } from '../contract.js';

/** The few calls to Proxmox that change something, each awaited to the end of its task. */
export class ProxmoxWriter {
  constructor(
    private readonly endpoint: string,
    private readonly token: string,
    private readonly clock: Clock,
  ) {}

  async call<T>(method: string, path: string): Promise<T> {
    const response = await fetch(`${this.endpoint.replace(/\/$/, '')}/api2/json${path}`, {
      method,
      headers: { authorization: `PVEAPIToken=${this.token}` },
      signal: AbortSignal.timeout(30_000),
    });
    if (!response.ok) throw new Error(`Proxmox ${method} ${path}: ${response.status} ${response.statusText}`);
    return ((await response.json()) as { data: T }).data;
  }

  /** Starts a task and waits for it. @throws when it fails, with its exit status. */
  async task(host: string, method: string, path: string): Promise<void> {
    const upid = await this.call<string>(method, path);
    for (;;) {
      const task = await this.call<{ status: string; exitstatus?: string }>(
        'GET',
        `/nodes/${host}/tasks/${encodeURIComponent(upid)}/status`,
      );
      if (task.status !== 'running') {
        if (task.exitstatus === 'OK' || task.exitstatus?.startsWith('WARNINGS')) return;
        throw new Error(`Proxmox ${method} ${path}: the task failed with ${task.exitstatus ?? 'no exit status'}`);
      }
      // Proxmox has no event for the end of a task.
      await this.clock.delay(500);
    }
  }

  /** The killed run's provider plugin lives on: its clone has to end before the VM can go. */
  async untilUnlocked(path: string): Promise<void> {
    for (;;) {
      const { lock } = await this.call<{ lock?: string }>('GET', `${path}/status/current`);
      if (lock === undefined) return;
      await this.clock.delay(500);
    }
  }
}
