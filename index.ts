import './config/plainStacks';
import { Cluster } from './components/cluster';
import { load } from './config/load';
import { markNodes } from './config/marks';
import { narrowToTargets, ONLY_NODES } from './config/narrowing';
import { planCluster } from './config/plan';

const { config, proxmoxToken } = load();
const plan = markNodes(planCluster(config), process.env);
const described = narrowToTargets(plan, process.env[ONLY_NODES]);
const cluster = new Cluster(config.cluster.name, { config, plan: described, proxmoxToken });

/** Admin kubeconfig. Secret. */
export const kubeconfig = cluster.kubeconfig;
/** Admin talosconfig. Secret. */
export const talosconfig = cluster.secrets.talosconfig;
/** What the driver and CI need to know of the cluster without the program: no secrets. */
export const clusterFacts = {
  name: config.cluster.name,
  endpoint: plan.endpoint,
  releases: config.releases,
  nodes: plan.nodes.map(({ name, role, vmId, host, address, release }) => ({
    name,
    role,
    vmId,
    host,
    address,
    release,
  })),
};
