import { autoname, checkInputs, isGiven } from '../protocol/check.js';
import { inputsFromState, plan, planCreation } from '../protocol/plan.js';
import type {
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
} from '../protocol/provider.js';
import { flag, maps, num, text } from '../protocol/read-value.js';
import { block, bool, list, number, string } from '../protocol/schema.js';
import type { Schema } from '../protocol/schema.js';
import { equal } from '../protocol/values.js';
import type { PropertyMap, Value } from '../protocol/values.js';
import { isGone } from './api.js';
import type { Api, Params } from './api.js';
import { describe } from './errors.js';
import { optionMap } from './vm/config.js';

const map = block({
  comment: string(),
  id: string({ required: true }),
  iommuGroup: number(),
  node: string({ required: true }),
  path: string({ required: true }),
  subsystemId: string(),
});

const SCHEMA: Schema = {
  comment: string(),
  maps: list(map, { required: true, same: sameInAnyOrder }),
  mediatedDevices: bool({ default: false }),
  name: string({ replace: true }),
};

/** proxmoxve:hardware/mapping/pci:Pci. Its id is its name. */
export class PciResource implements Resource {
  constructor(private readonly api: () => Api) {}

  check(call: CheckCall): Checked {
    const checked = checkInputs(SCHEMA, call.news);
    autoname(checked.inputs, call.olds, call.name);
    return checked;
  }

  diff(call: DiffCall): Difference {
    const { changes } = plan(SCHEMA, call.olds, call.news, call.ignoreChanges);
    return { changes, deleteBeforeReplace: isGiven(call.news, 'name') };
  }

  async create(call: CreateCall): Promise<State> {
    const planned = planCreation(SCHEMA, call.inputs);
    const name = text(planned['name']);
    if (call.preview) return { id: '', properties: planned };
    await attempt(`Could not create PCI hardware mapping "${name}"`, () =>
      this.api().post('cluster/mapping/pci', { id: name, ...params(planned) }),
    );
    return { id: name, properties: (await this.state(name)) ?? planned };
  }

  async read(call: ReadCall): Promise<(State & { inputs: PropertyMap }) | undefined> {
    const properties = await this.state(call.id);
    if (!properties) return undefined;
    const isImport = Object.keys(call.properties).length === 0;
    return { id: call.id, properties, inputs: isImport ? properties : inputsFromState(call.inputs, properties) };
  }

  async update(call: UpdateCall): Promise<PropertyMap> {
    const { planned } = plan(SCHEMA, call.olds, call.news, call.ignoreChanges);
    if (call.preview) return planned;
    const removals = [
      ...(flag(planned['mediatedDevices']) ? [] : ['mdev']),
      ...(text(planned['comment']) === '' ? ['description'] : []),
    ];
    await attempt(`Could not update PCI hardware mapping "${call.id}"`, () =>
      this.api().put(`cluster/mapping/pci/${call.id}`, {
        ...params(planned),
        ...(removals.length > 0 && { delete: removals.join(',') }),
      }),
    );
    return (await this.state(call.id)) ?? planned;
  }

  async delete(call: DeleteCall): Promise<void> {
    await attempt(`Could not delete PCI hardware mapping "${call.id}"`, async () => {
      try {
        await this.api().delete(`cluster/mapping/pci/${call.id}`);
      } catch (error) {
        if (!isGone(error)) throw error;
      }
    });
  }

  /** Trap, copied: a mapping that the server calls 'not found' with status 500 is an error, not gone. */
  private async state(name: string): Promise<PropertyMap | undefined> {
    type Answer = { map?: string[]; description?: string; mdev?: number };
    try {
      const read = await this.api().read<Answer>(`cluster/mapping/pci/${name}`);
      return {
        name,
        maps: (read.map ?? []).map(decodeMap),
        mediatedDevices: read.mdev === 1,
        ...(read.description === undefined ? {} : { comment: read.description }),
      };
    } catch (error) {
      if (isGone(error)) return undefined;
      throw describe(new Error(`Could not read PCI hardware mapping "${name}": ${(error as Error).message}`));
    }
  }
}

async function attempt(what: string, operation: () => Promise<unknown>): Promise<void> {
  try {
    await operation();
  } catch (error) {
    throw describe(new Error(`${what}: ${(error as Error).message}`));
  }
}

function params(planned: PropertyMap): Params {
  return {
    map: maps(planned['maps']).map(encodeMap),
    ...(text(planned['comment']) && { description: text(planned['comment']) }),
    ...(flag(planned['mediatedDevices']) && { mdev: true }),
  };
}

function encodeMap(device: PropertyMap): string {
  return [
    `id=${text(device['id'])}`,
    `node=${text(device['node'])}`,
    `path=${text(device['path'])}`,
    ...(text(device['comment']) ? [`description=${text(device['comment'])}`] : []),
    ...(device['iommuGroup'] === undefined ? [] : [`iommugroup=${num(device['iommuGroup'])}`]),
    ...(text(device['subsystemId']) ? [`subsystem-id=${text(device['subsystemId'])}`] : []),
  ].join(',');
}

function decodeMap(value: string): PropertyMap {
  const read = optionMap(value);
  return {
    id: read['id'] ?? '',
    node: read['node'] ?? '',
    path: read['path'] ?? '',
    ...(read['description'] === undefined ? {} : { comment: read['description'] }),
    ...(read['iommugroup'] === undefined ? {} : { iommuGroup: Number(read['iommugroup']) }),
    ...(read['subsystem-id'] === undefined ? {} : { subsystemId: read['subsystem-id'] }),
  };
}

/** The server hands the devices out in any order. */
function sameInAnyOrder(old: Value, planned: Value): boolean {
  const sorted = (value: Value): string[] => maps(value).map(encodeMap).sort();
  return equal(sorted(old), sorted(planned));
}
