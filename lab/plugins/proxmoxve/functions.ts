import { randomUUID } from 'node:crypto';
import type { FunctionCall } from '../protocol/provider.js';
import { flag, maps, text, texts } from '../protocol/read-value.js';
import type { PropertyMap } from '../protocol/values.js';
import { HttpError } from './api.js';
import type { Api } from './api.js';
import { describe } from './errors.js';

interface ListedVm {
  vmid: number;
  name?: string;
  status: string;
  tags?: string;
  template?: number;
}

/**
 * proxmoxve:index/getVmsLegacy:getVmsLegacy. Trap, copied: a host that is offline (595) is skipped with a warning,
 * so a VM that is missing here may still exist.
 */
export async function getVms(api: Api, call: FunctionCall): Promise<PropertyMap> {
  const { args } = call;
  const [wantedTags, filters] = [texts(args['tags']), maps(args['filters'])];
  const vms: PropertyMap[] = [];
  for (const node of await nodeNames(api, text(args['nodeName']))) {
    for (const listed of await vmsOn(api, node, call)) {
      const vm = described(node, listed);
      if (
        wantedTags.every((tag) => texts(vm['tags']).includes(tag)) &&
        filters.every((filter) => matches(vm, filter))
      ) {
        vms.push(vm);
      }
    }
  }
  return { ...args, id: randomUUID(), vms };
}

async function nodeNames(api: Api, only: string): Promise<string[]> {
  if (only !== '') return [only];
  return (await api.read<{ node: string }[]>('nodes')).map(({ node }) => node).sort();
}

async function vmsOn(api: Api, node: string, call: FunctionCall): Promise<ListedVm[]> {
  try {
    return (await api.read<ListedVm[]>(`nodes/${node}/qemu`)).sort((a, b) => a.vmid - b.vmid);
  } catch (error) {
    if (!(error instanceof HttpError && error.code === 595)) {
      throw describe(new Error(`error retrieving VMs: ${(error as Error).message}`));
    }
    call.log('warning', `node "${node}" is not available - VM list may be incomplete`);
    return [];
  }
}

function described(nodeName: string, vm: ListedVm): PropertyMap {
  return {
    nodeName,
    vmId: vm.vmid,
    name: vm.name ?? '',
    status: vm.status,
    tags: vm.tags ? vm.tags.split(';').sort() : [],
    template: vm.template === 1,
  };
}

const FILTERED: Record<string, (vm: PropertyMap) => string> = {
  name: (vm) => text(vm['name']),
  node_name: (vm) => text(vm['nodeName']),
  status: (vm) => text(vm['status']),
  template: (vm) => String(flag(vm['template'])),
};

function matches(vm: PropertyMap, filter: PropertyMap): boolean {
  const read = FILTERED[text(filter['name'])];
  if (!read) {
    const names = Object.keys(FILTERED).join(', ');
    throw describe(new Error(`unknown filter name '${text(filter['name'])}', should be one of [${names}]`));
  }
  const value = read(vm);
  return texts(filter['values']).some((wanted) =>
    flag(filter['regex']) ? new RegExp(wanted).test(value) : wanted === value,
  );
}

/** proxmoxve:index/getVersion:getVersion */
export async function getVersion(api: Api): Promise<PropertyMap> {
  const { release, repoid, version } = await api.read<{ release: string; repoid: string; version: string }>('version');
  return { id: 'version', release, repositoryId: repoid, version };
}
