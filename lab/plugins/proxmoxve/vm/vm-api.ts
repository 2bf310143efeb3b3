import { pause } from '../../protocol/timing.js';
import type { Deadline } from '../../protocol/timing.js';
import type { Api, Params } from '../api.js';
import { cloneRule, CONFIG_RULE, CREATE_RULE, retry, START_RULE } from '../retry.js';
import type { RetryRule } from '../retry.js';
import { waitForTask } from '../tasks.js';
import type { TaskOptions } from '../tasks.js';
import { isTransient, isGone } from '../api.js';
import type { AgentInterface } from './decode.js';
import type { VmConfig } from './config.js';

export interface VmStatus {
  status: string;
  lock?: string;
}

/** One VM on one host: each method is one operation of the real provider with its own retries, waits and messages. */
export class VmApi {
  constructor(
    private readonly api: Api,
    readonly node: string,
    readonly vmId: number,
    private readonly warn: (message: string) => void,
  ) {}

  on(node: string, vmId = this.vmId): VmApi {
    return new VmApi(this.api, node, vmId, this.warn);
  }

  config(): Promise<VmConfig> {
    return wrap(`error retrieving VM ${this.vmId}`, () => this.api.read<VmConfig>(this.path('config')));
  }

  status(): Promise<VmStatus> {
    return wrap('error retrieving VM status', () => this.api.read<VmStatus>(this.path('status/current')));
  }

  async updateConfig(params: Params): Promise<void> {
    await retry(CONFIG_RULE, () => this.api.put(this.path('config'), params));
  }

  create(params: Params, deadline: Deadline): Promise<void> {
    const post = (): Promise<string> => this.api.task('POST', `nodes/${this.node}/qemu`, params);
    return this.dispatch('VM create', CREATE_RULE, () => wrap('error creating VM', post), { deadline });
  }

  /** Clones this VM. Trap, copied: only the POST is tried again, a clone task that fails never is. */
  clone(params: Params, attempts: number, deadline: Deadline): Promise<void> {
    const post = (): Promise<string> => this.api.task('POST', this.path('clone'), params);
    return this.dispatch('VM clone', cloneRule(attempts), () => wrap('error cloning VM', post), { deadline });
  }

  migrate(params: Params, deadline: Deadline): Promise<void> {
    return this.run('VM migrate', 'error migrating VM', 'migrate', params, { deadline });
  }

  toTemplate(deadline: Deadline): Promise<void> {
    const what = `error converting VM ${this.vmId} to template`;
    return wrap('VM convert to template', async () => {
      // Older versions convert at once and answer without a task.
      const upid = await wrap(what, () => this.api.post<string | null>(this.path('template')));
      if (upid !== null) await this.wait(upid, { deadline });
    });
  }

  stop(deadline: Deadline): Promise<void> {
    return this.run('VM stop', 'error stopping VM', 'status/stop', {}, { deadline });
  }

  shutdown(deadline: Deadline): Promise<void> {
    const params = { forceStop: true, timeout: deadline.seconds };
    return this.run('VM shutdown', 'error shutting down VM', 'status/shutdown', params, { deadline });
  }

  reboot(deadline: Deadline): Promise<void> {
    const params = { timeout: deadline.seconds };
    return this.run('VM reboot', 'error rebooting VM', 'status/reboot', params, { deadline });
  }

  start(deadline: Deadline): Promise<void> {
    const post = async (): Promise<string | undefined> => {
      try {
        return await this.api.task('POST', this.path('status/start'), { timeout: deadline.seconds });
      } catch (error) {
        if ((error as Error).message.includes('already running')) return undefined;
        throw error;
      }
    };
    const task = { deadline, ignoreStatus: 599 };
    return this.dispatch('VM start', START_RULE, () => wrap('error starting VM', post), task);
  }

  async moveDisk(disk: string, storage: string, deadline: Deadline): Promise<void> {
    try {
      const params = { disk, storage, delete: true };
      await this.run('VM disk move', 'error moving VM disk', 'move_disk', params, { deadline });
    } catch (error) {
      if (!(error as Error).message.includes("you can't move to the same storage with same format")) throw error;
    }
  }

  /** @param bytes the absolute size. */
  async resize(disk: string, bytes: number, deadline: Deadline): Promise<void> {
    const rule: RetryRule = {
      attempts: 5,
      firstDelay: 1,
      retryIf: (error) => error.message.includes('got timeout') || error.message.includes('does not exist'),
    };
    await wrap('VM disk resize', () =>
      retry(rule, async () => {
        const put = (): Promise<string> => this.api.task('PUT', this.path('resize'), { disk, size: bytes });
        await this.wait(await wrap('error moving VM disk', put), { deadline });
      }),
    );
  }

  async destroy(purge: boolean, unreferencedDisks: boolean, deadline: Deadline): Promise<void> {
    // The slash before the question mark is the real provider's.
    const query = `?destroy-unreferenced-disks=${unreferencedDisks ? 1 : 0}&purge=${purge ? 1 : 0}`;
    const remove = (): Promise<string> => this.api.task('DELETE', `${this.path('')}${query}`);
    const rule: RetryRule = {
      attempts: 3,
      firstDelay: 1,
      retryIf: (error) => isTransient(error) && !isGone(error.cause),
    };
    await this.dispatch('VM delete', rule, () => wrap('error deleting VM', remove), { deadline });
  }

  rebuildCloudInit(): Promise<void> {
    return wrap('error rebuilding cloud-init drive', () => this.api.put(this.path('cloudinit')));
  }

  /** Moves the VM from one pool, if any, to another; taking it out of its pool is not done. */
  async changePool(from: string, to: string): Promise<void> {
    if (to === '') return;
    if (from !== '') await this.api.put(`pools/${from}`, { vms: this.vmId, delete: true });
    await this.api.put(`pools/${to}`, { vms: this.vmId });
  }

  /** Waits until no lock is on the VM. Trap, copied: errors are ignored until the deadline. */
  async waitUntilUnlocked(deadline: Deadline): Promise<void> {
    for (;;) {
      const status = await this.status().catch(() => undefined);
      if (status && !status.lock) return;
      if (deadline.passed) {
        throw new Error(`timeout while waiting for VM ${this.vmId} configuration to become unlocked`);
      }
      await pause(1);
    }
  }

  async waitForStatus(wanted: string, deadline: Deadline): Promise<void> {
    for (;;) {
      if ((await this.status()).status === wanted) return;
      if (deadline.passed) throw new Error(`timeout while waiting for VM ${this.vmId} to enter the status "${wanted}"`);
      await pause(1);
    }
  }

  async waitForAgent(deadline: Deadline): Promise<void> {
    for (;;) {
      const answers = await this.api.post(this.path('agent/ping')).then(
        () => true,
        () => false,
      );
      if (answers) return;
      if (deadline.passed) {
        throw new Error(`timeout while waiting for the QEMU agent on VM ${this.vmId} to become ready`);
      }
      await pause(1);
    }
  }

  async agentInterfaces(): Promise<AgentInterface[]> {
    const answer = await this.api.read<{ result?: AgentInterface[] }>(this.path('agent/network-get-interfaces'));
    return answer.result ?? [];
  }

  /** The format of a volume as its storage tells it; undefined when the volume is gone. */
  async volumeFormat(storage: string, volume: string): Promise<string | undefined> {
    const path = `nodes/${this.node}/storage/${storage}/content/${encodeURIComponent(volume)}`;
    try {
      return (await this.api.read<{ format?: string }>(path)).format;
    } catch (error) {
      if (isGone(error)) return undefined;
      throw new Error(`error get file ${volume} from datastore ${storage}: ${(error as Error).message}`);
    }
  }

  async isShared(storage: string): Promise<boolean> {
    const status = await this.api.read<{ shared?: number }>(`nodes/${this.node}/storage/${storage}/status`);
    return status.shared !== 0;
  }

  private run(
    summary: string,
    what: string,
    action: string,
    params: Params,
    task: Omit<TaskOptions, 'warn'>,
  ): Promise<void> {
    return wrap(summary, async () => {
      const upid = await wrap(what, () => this.api.task('POST', this.path(action), params));
      await this.wait(upid, task);
    });
  }

  private dispatch(
    summary: string,
    rule: RetryRule,
    post: () => Promise<string | undefined>,
    task: Omit<TaskOptions, 'warn'>,
  ): Promise<void> {
    return wrap(summary, async () => {
      const upid = await retry(rule, post);
      if (upid !== undefined) await this.wait(upid, task);
    });
  }

  private wait(upid: string, task: Omit<TaskOptions, 'warn'>): Promise<void> {
    return waitForTask(this.api, upid, { ...task, warn: this.warn });
  }

  private path(rest: string): string {
    return `nodes/${this.node}/qemu/${this.vmId}/${rest}`;
  }
}

/** Puts what was being done before an error's message, keeping the error itself as its cause. */
async function wrap<T>(what: string, operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    throw new Error(`${what}: ${(error as Error).message}`, { cause: error });
  }
}
