import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Table from 'cli-table3';
import { parseDocument, type YAMLMap } from 'yaml';
import { labStackFile } from '../lab/inventory/project';
import type { LabNetwork } from '../lab/world/network';
import { EngineLab } from '../test/support/engine-lab';
import { REPOSITORY } from '../test/support/stack-files';
import { testNetwork } from '../test/support/network';

/** Nodes of the clusters that are previewed. */
const SIZES = [3, 15, 60, 200];
/** Best of so many: what disturbs a measurement only ever makes it longer. */
const REPEATS = 3;
const BASE = 118;
const NODES_PER_HOST = 15;

const PACK = join(REPOSITORY, 'policies');
/** As `prox-ops` has a preview judged. */
export const WITH_POLICIES = ['--policy-pack', PACK, '--policy-pack-config', join(PACK, 'config.json')];

interface Measurement {
  nodes: number;
  resources: number;
  /** Milliseconds by the clock. */
  ms: number;
  /** Milliseconds of CPU, of the engine and everything that it starts: what else the machine does disturbs it less. */
  cpu: number;
}

/**
 * How the time of a preview grows with the cluster: the real engine, the real program, our policies, and a stack that is
 * not built, so that every resource of every node is described, checked, judged and planned.
 */
export async function scale(): Promise<string> {
  const engine = await EngineLab.start({ base: BASE, nodes: ['k8s-ctrl-1'] });
  try {
    const init = await engine.pulumi(['stack', 'init', 'lab']);
    if (init.code !== 0) throw new Error(init.output);
    const found: Measurement[] = [];
    for (const nodes of SIZES) found.push(await measure(engine, nodes));
    return report(found);
  } finally {
    await engine.close();
  }
}

async function measure(engine: EngineLab, nodes: number): Promise<Measurement> {
  writeFileSync(engine.stackFile, stackFile(nodes));
  const found: Measurement[] = [];
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const [started, before] = [performance.now(), cpuOfChildren()];
    const { code, output } = await engine.pulumi(['preview', ...WITH_POLICIES]);
    const [ms, cpu] = [performance.now() - started, cpuOfChildren() - before];
    // The bench's hosts are there to be filled.
    if (code !== 0 && !/policy violation|\[mandatory\]/.test(output)) throw new Error(output);
    found.push({ nodes, resources: Number(/\+ (\d+) to create/.exec(output)?.[1]), ms, cpu });
  }
  const least = (of: 'ms' | 'cpu') => Math.min(...found.map((measurement) => measurement[of]));
  return { nodes, resources: found[0]?.resources ?? NaN, ms: least('ms'), cpu: least('cpu') };
}

/** Milliseconds of CPU that children of this process took, and theirs, once they had ended. Linux counts in 1/100 s. */
function cpuOfChildren(): number {
  const stat = readFileSync('/proc/self/stat', 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [user = '0', system = '0'] = fields.slice(13, 15);
  return (Number(user) + Number(system)) * 10;
}

function report(found: Measurement[]): string {
  const style = { head: [], border: [] };
  const table = new Table({
    style,
    head: ['nodes', 'resources', 'preview', 'per node', 'CPU', 'CPU of a further node'],
  });
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
  for (const [index, { nodes, resources, ms, cpu }] of found.entries()) {
    const smaller = found[index - 1];
    const further = smaller ? `${((cpu - smaller.cpu) / (nodes - smaller.nodes)).toFixed(0)} ms` : '';
    table.push([nodes, resources, seconds(ms), `${(ms / nodes).toFixed(0)} ms`, seconds(cpu), further]);
  }
  return `${table.toString()}\nA further node that costs more in a larger cluster is growth faster than linear.`;
}

/** A valid stack of so many nodes, spread over as many hosts as they need: three control planes (one of three nodes), the rest workers. */
export function stackFile(count: number, base = BASE): string {
  const network = testNetwork(base);
  const document = parseDocument(labStackFile({ repository: REPOSITORY, network, nodes: ['k8s-ctrl-1'] }));
  const names = Array.from({ length: Math.max(4, Math.ceil(count / NODES_PER_HOST)) }, (_, index) => `host-${index}`);
  const set = (path: string[], value: unknown) => {
    document.setIn(['config', ...path], document.createNode(value));
  };
  const host = document.getIn(['config', 'prox-ops:proxmox', 'hosts', 0]) as YAMLMap;
  set(
    ['prox-ops:proxmox', 'hosts'],
    names.map((name) => ({ ...(host.toJSON() as object), name })),
  );
  set(['prox-ops:proxmox', 'templateIds'], { a: 9000, b: 9500 });
  set(['prox-ops:cluster', 'vip'], network.map('10.20.67.250'));
  set(['prox-ops:linstor', 'placeCount'], 1);
  set(['prox-ops:linstor', 'guardEnabled'], false);
  set(['prox-ops:roles', 'worker'], { cores: 4, memory: 8192, disk: 50, dataDisk: 100 });
  const nodes = Array.from({ length: count }, (_, index) => {
    const role = index < (count > 3 ? 3 : 1) ? 'controlplane' : 'worker';
    return node(index, role, names[index % names.length] ?? '', network);
  });
  set(['prox-ops:nodes'], Object.fromEntries(nodes));
  return document.toString();
}

function node(index: number, role: string, host: string, network: LabNetwork): [name: string, node: object] {
  const last = index + 1;
  const common = { vmId: 20_000 + index, host, address: network.map(`10.20.67.${last}`) };
  if (role === 'controlplane') return [`ctrl-${last}`, { role, ...common }];
  const networks = { iot: network.map(`10.20.62.${last}/23`), dmz: network.map(`10.20.81.${last}/24`) };
  return [`work-${last}`, { role, ...common, networks }];
}
