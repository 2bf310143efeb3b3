import { autoname, checkInputs, isGiven } from '../../protocol/check.js';
import { changedKeys, inputsFromState, markSecrets, plan, planCreation } from '../../protocol/plan.js';
import type { Plan } from '../../protocol/plan.js';
import { InitError } from '../../protocol/provider.js';
import type {
  Call,
  CheckCall,
  Checked,
  CreateCall,
  DeleteCall,
  DiffCall,
  Difference,
  ReadCall,
  Resource,
  State,
  UpdateCall,
} from '../../protocol/provider.js';
import { flag, maps, num, scalar, text } from '../../protocol/read-value.js';
import { Deadline, pause } from '../../protocol/timing.js';
import { UNKNOWN, Unknown, withoutUnknown } from '../../protocol/values.js';
import type { PropertyMap } from '../../protocol/values.js';
import type { Api } from '../api.js';
import { describe } from '../errors.js';
import { cloneVm } from './clone.js';
import { createVm, HalfMadeError } from './create.js';
import { Power } from './power.js';
import { readVm } from './read.js';
import { UNSUPPORTED_INPUTS, VM_SCHEMA } from './schema.js';
import { updateVm } from './update.js';
import { VmApi } from './vm-api.js';

/** proxmoxve:index/vmLegacy:VmLegacy */
export class VmResource implements Resource {
  constructor(private readonly api: () => Api) {}

  check(call: CheckCall): Checked {
    const { inputs, failures } = checkInputs(VM_SCHEMA, call.news);
    autoname(inputs, call.olds, call.name);
    for (const failure of failures) {
      if (UNSUPPORTED_INPUTS.includes(failure.property)) failure.reason = "not supported by the lab's proxmoxve plugin";
    }
    for (const [i, disk] of maps(inputs['disks']).entries()) {
      if (text(disk['fileId']) === '') continue;
      const reason = "importing by fileId needs SSH, which the lab's proxmoxve plugin does not have; use importFrom";
      failures.push({ property: `disks[${i}].fileId`, reason });
    }
    return { inputs, failures };
  }

  diff(call: DiffCall): Difference {
    const { changes, planned } = this.plan(call);
    const replaces = replacingKeys(call, planned, changes);
    return {
      changes,
      replaces,
      // A name that the program gave must be free before the new VM takes it.
      deleteBeforeReplace: isGiven(call.news, 'name'),
    };
  }

  async create(call: CreateCall): Promise<State> {
    const planned = planCreation(VM_SCHEMA, call.inputs);
    if (call.preview) return { id: '', properties: markSecrets(VM_SCHEMA, planned) };
    const vmId = planned['vmId'] instanceof Unknown ? await this.nextId() : num(planned['vmId']);
    const vm = this.vm(call, text(planned['nodeName']), vmId);
    const id = String(vmId);
    try {
      await (planned['clone'] === undefined ? createVm(vm, planned) : cloneVm(vm, planned));
    } catch (error) {
      if (error instanceof HalfMadeError) throw halfMade(`creating ${call.urn}`, id, { ...planned, vmId }, error);
      throw describe(error);
    }
    return { id, properties: await this.stateAfter(call, vm, withoutUnknown(planned)) };
  }

  async read(call: ReadCall): Promise<(State & { inputs: PropertyMap }) | undefined> {
    const isImport = Object.keys(call.properties).length === 0;
    const { node, vmId } = isImport
      ? importId(call.id)
      : { node: text(call.properties['nodeName']), vmId: Number(call.id) };
    const current = isImport ? importDefaults() : call.properties;
    const state = await readVm(this.api(), this.vm(call, node, vmId), current, warnings(call));
    if (!state) return undefined;
    const inputs = isImport ? importInputs(state) : inputsFromState(call.inputs, state);
    return { id: String(vmId), properties: markSecrets(VM_SCHEMA, state), inputs };
  }

  async update(call: UpdateCall): Promise<PropertyMap> {
    const { changes, planned } = this.plan(call);
    const changed = changedKeys(changes);
    if (call.preview) return markSecrets(VM_SCHEMA, previewed(planned, changed));
    const vm = this.vm(call, text(call.olds['nodeName']), Number(call.id));
    try {
      await updateVm(vm, call.olds, planned, changed, warnings(call));
      return await this.stateAfter(call, vm, withoutUnknown(planned));
    } catch (error) {
      throw halfMade(`updating ${call.urn}`, call.id, { ...call.olds, ...planned }, error);
    }
  }

  async delete(call: DeleteCall): Promise<void> {
    const state = call.properties;
    const vm = this.vm(call, text(state['nodeName']), Number(call.id));
    const deadline = new Deadline(Math.max(num(state['timeoutStopVm']), num(state['timeoutShutdownVm'])));
    try {
      const power = new Power(vm, state);
      if ((await vm.status()).status !== 'stopped') {
        await (flag(state['stopOnDestroy']) ? power.cutOff() : power.ensureStopped());
      }
      await vm.destroy(flag(state['purgeOnDestroy']), flag(state['deleteUnreferencedDisksOnDestroy']), deadline);
      await waitUntilGone(vm, deadline);
    } catch (error) {
      throw describe(error);
    }
  }

  private plan(call: DiffCall): Plan {
    const result = plan(VM_SCHEMA, call.olds, call.news, call.ignoreChanges);
    // A template is never running, whatever `started` says.
    if (flag(result.planned['template'])) result.changes.delete('started');
    return result;
  }

  private async stateAfter(call: Call, vm: VmApi, planned: PropertyMap): Promise<PropertyMap> {
    try {
      const state = await readVm(this.api(), vm, { ...planned, vmId: vm.vmId }, warnings(call));
      if (state) return markSecrets(VM_SCHEMA, state);
    } catch (error) {
      throw halfMade(`reading ${call.urn}`, String(vm.vmId), { ...planned, vmId: vm.vmId }, error);
    }
    throw new Error(`VM ${vm.vmId} is gone right after the operation`);
  }

  private vm(call: Call, node: string, vmId: number): VmApi {
    return new VmApi(this.api(), node, vmId, warnings(call));
  }

  private async nextId(): Promise<number> {
    return Number(await this.api().read<number | string>('cluster/nextid'));
  }
}

function warnings(call: Call): (message: string) => void {
  return (message) => call.log('warning', message);
}

/**
 * Another id, or another host without `migrate`, replaces the VM. The bridge cannot tie either to its property and
 * reports the key `__meta`.
 */
function replacingKeys(call: DiffCall, planned: PropertyMap, changes: Plan['changes']): string[] {
  const id = changes.get('vmId');
  const otherId = id !== undefined && scalar(planned['vmId']) !== call.id;
  const otherNode = changes.has('nodeName') && !flag(planned['migrate']);
  if (!otherId && !otherNode) return [];
  changes.set('__meta', { kind: 'update', replace: true });
  return ['__meta'];
}

async function waitUntilGone(vm: VmApi, deadline: Deadline): Promise<void> {
  for (;;) {
    const gone = await vm.status().then(
      () => false,
      () => true,
    );
    if (gone) return;
    if (deadline.passed) throw new Error(`failed to delete VM "${vm.vmId}"`);
    await pause(1);
  }
}

/**
 * Trap, copied: a half-made VM stays in the state with the values that were wanted, so that the next update sees
 * nothing to do but the name.
 */
function halfMade(what: string, id: string, planned: PropertyMap, error: unknown): InitError {
  if (error instanceof InitError) return error;
  const reason = `${what}: ${describe(error).message}`;
  return new InitError(id, markSecrets(VM_SCHEMA, withoutUnknown(planned)), [reason]);
}

function previewed(planned: PropertyMap, changed: ReadonlySet<string>): PropertyMap {
  const addressesChange = changed.has('started') || changed.has('networkDevices');
  if (!addressesChange) return planned;
  return { ...planned, ipv4Addresses: UNKNOWN, ipv6Addresses: UNKNOWN, networkInterfaceNames: UNKNOWN };
}

/** Import ids are NODE/VMID. */
function importId(id: string): { node: string; vmId: number } {
  const [node, vmId] = id.split('/');
  if (!node || !vmId || !/^\d+$/.test(vmId)) {
    throw new Error(`unexpected format of ID (${id}), expected node/id`);
  }
  return { node, vmId: Number(vmId) };
}

const OPERATIONAL = /^(timeout|purge|delete|reboot|migrate|stopOnDestroy)/;

/** What no read can tell about an imported VM. */
function importDefaults(): PropertyMap {
  const defaults: PropertyMap = {};
  for (const [name, property] of Object.entries(VM_SCHEMA)) {
    if (OPERATIONAL.test(name) && property.default !== undefined) defaults[name] = property.default;
  }
  return defaults;
}

function importInputs(state: PropertyMap): PropertyMap {
  const inputs: PropertyMap = {};
  for (const [name, property] of Object.entries(VM_SCHEMA)) {
    const value = state[name];
    if (property.outputOnly === true || name === 'macAddresses' || value === undefined || value === null) continue;
    if (value !== property.default && !OPERATIONAL.test(name)) inputs[name] = value;
  }
  return inputs;
}
