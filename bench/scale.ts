import { writeFileSync } from 'node:fs';
import Table from 'cli-table3';
import { parseDocument, type YAMLMap } from 'yaml';
import { labStackFile } from '../lab/inventory/project';
import type { LabNetwork } from '../lab/world/network';
import { EngineLab } from '../test/support/engine-lab';
import { REPOSITORY } from '../test/support/stack-files';
import { testNetwork } from '../test/support/network';

/** Nodes of the clusters that are previewed; the production cluster is the measure of the others. */
const SIZES = [3, 15, 60, 200];
const MEASURE = 15;
/** Best of so many: what disturbs a measurement only ever makes it longer. */
const REPEATS = 3;
const BASE = 118;
const NODES_PER_HOST = 15;

interface Measurement {
  nodes: number;
  resources: number;
  ms: number;
}

/**
 * How the time of a preview grows with the cluster: the real engine, the real program, and a stack that is not built, so
 * that every resource of every node is described, checked and planned.
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
  let best: Measurement | undefined;
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const started = performance.now();
    const preview = await engine.pulumi(['preview']);
    const ms = performance.now() - started;
    if (preview.code !== 0) throw new Error(preview.output);
    const resources = Number(/\+ (\d+) to create/.exec(preview.output)?.[1]);
    if (!best || ms < best.ms) best = { nodes, resources, ms };
  }
  if (!best) throw new Error('nothing was measured');
  return best;
}

function report(found: Measurement[]): string {
  const measure = found.find(({ nodes }) => nodes === MEASURE);
  const table = new Table({ head: ['nodes', 'resources', 'preview', 'per node', `against ${MEASURE} nodes`] });
  for (const { nodes, resources, ms } of found) {
    const ratio = measure ? ms / nodes / (measure.ms / measure.nodes) : NaN;
    table.push([nodes, resources, `${(ms / 1000).toFixed(1)} s`, `${(ms / nodes).toFixed(0)} ms`, ratio.toFixed(2)]);
  }
  return `${table.toString()}\nA ratio above 1 for a larger cluster is growth faster than linear.`;
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
