import { readFileSync } from 'node:fs';
import type { AddonsPlan, ClusterPlan } from './plan';

/**
 * Environment variable with the only nodes (names, separated by commas) that the program has to describe: an update
 * that targets one node need not describe the others, which is most of its time in a large cluster.
 */
export const ONLY_NODES = 'PROX_OPS_ONLY_NODES';

/** Its value for an update that targets no node at all, as the templates before the first turn. No node has such a name. */
export const NO_NODE = '-';

/** Nothing of a node's: describing them would start their provider, which reads the whole API's schema each time. */
const NO_ADDONS: AddonsPlan = {
  driverAccess: false,
  nvidiaRuntimeClass: false,
  linstorHostDevices: [],
  automation: false,
};

/** Reads a process' command line and its parent, undefined where that cannot be known. */
export type ProcessReader = (pid: number) => { arguments: string[]; parent: number } | undefined;

/**
 * The plan with only those nodes that a targeted update is about, their templates, and the control plane that the
 * bootstrap hangs on. Without targets the engine would take every node that is not described for one to be deleted: so
 * the whole plan is kept unless the engine above us is seen to have been started with targets.
 */
export function narrowToTargets(
  plan: ClusterPlan,
  text: string | undefined,
  pid = process.ppid,
  read: ProcessReader = readProcess,
): ClusterPlan {
  if (text === undefined || text === '' || text === NO_NODE || !isTargeted(pid, read)) return plan;
  const asked = text.split(',');
  // Every other node's resources come after the bootstrap, and so after this one's: the engine would want to delete them.
  if (asked.includes(plan.first.name)) return plan;
  const names = [...asked, plan.first.name];
  const nodes = plan.nodes.filter((node) => names.includes(node.name));
  const templates = plan.templates.filter((template) => nodes.some((node) => node.template === template.key));
  return { ...plan, nodes, templates, addons: NO_ADDONS };
}

/** Whether an engine with `--target` is among our ancestors. */
export function isTargeted(pid = process.ppid, read: ProcessReader = readProcess): boolean {
  for (let current = pid; current > 1;) {
    const found = read(current);
    if (!found) return false;
    const [program = ''] = found.arguments;
    if (/(^|\/)pulumi$/.test(program)) return found.arguments.includes('--target');
    current = found.parent;
  }
  return false;
}

/** Linux tells; elsewhere nothing is narrowed. */
function readProcess(pid: number): { arguments: string[]; parent: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in parentheses, which may itself hold spaces.
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    return { arguments: readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0'), parent };
  } catch {
    return undefined;
  }
}
