import { num } from '../../protocol/read-value.js';
import { Deadline } from '../../protocol/timing.js';
import type { PropertyMap } from '../../protocol/values.js';
import { optionMap, setting } from './config.js';
import type { VmApi } from './vm-api.js';

/** Switches one VM on and off within the time that its properties grant. */
export class Power {
  /** This operation has switched it off, so no further restart is owed. */
  stoppedHere = false;

  constructor(
    private readonly vm: VmApi,
    private readonly properties: PropertyMap,
  ) {}

  /** With an agent it is shut down; without one it is cut off hard. */
  async ensureStopped(): Promise<void> {
    if ((await this.vm.status()).status === 'stopped') return;
    if (await this.hasAgent()) {
      const deadline = this.deadline('timeoutShutdownVm');
      await this.vm.shutdown(deadline);
      await this.vm.waitForStatus('stopped', deadline);
    } else {
      await this.cutOff();
    }
    this.stoppedHere = true;
  }

  async cutOff(): Promise<void> {
    const deadline = this.deadline('timeoutStopVm');
    await this.vm.stop(deadline);
    await this.vm.waitForStatus('stopped', deadline);
  }

  async ensureRunning(): Promise<void> {
    if ((await this.vm.status()).status !== 'stopped') return;
    const deadline = this.deadline('timeoutStartVm');
    await this.vm.start(deadline);
    await this.vm.waitForStatus('running', deadline);
  }

  async restart(): Promise<void> {
    if ((await this.vm.status()).status === 'stopped') return;
    if (!(await this.hasAgent())) {
      await this.ensureStopped();
      await this.ensureRunning();
      return;
    }
    const deadline = this.deadline('timeoutReboot');
    await this.vm.waitForAgent(deadline);
    await this.vm.reboot(deadline);
    await this.vm.waitForStatus('running', deadline);
  }

  private async hasAgent(): Promise<boolean> {
    const agent = optionMap(setting(await this.vm.config(), 'agent'));
    return (agent['enabled'] ?? agent['']) === '1';
  }

  private deadline(name: string): Deadline {
    return new Deadline(num(this.properties[name]));
  }
}
