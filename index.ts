import './config/plainStacks';
import { Cluster } from './components/cluster';
import { load } from './config/load';
import { narrowToTargets, ONLY_NODES } from './config/narrowing';
import { planCluster } from './config/plan';
import { markUpgraded, UPGRADED_IN_PLACE } from './config/upgraded';

const { config, proxmoxToken } = load();
const plan = markUpgraded(planCluster(config), process.env[UPGRADED_IN_PLACE]);
const described = narrowToTargets(plan, process.env[ONLY_NODES]);
const cluster = new Cluster(config.cluster.name, { config, plan: described, proxmoxToken });

/** Admin kubeconfig. Secret. */
export const kubeconfig = cluster.controlPlane.kubeconfig;
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
