import { stackPolicy } from './support/define';
import { stackFacts } from './support/facts';
import { isControlPlane, nodeVms } from './support/nodes';

export const oddControlPlanes = stackPolicy(
  {
    name: 'odd-control-planes',
    description: 'With an even number of control planes etcd loses its quorum as early as with one less.',
  },
  ({ stack, report }) => {
    const vms = nodeVms(stack);
    const count = vms.filter(isControlPlane).length;
    if (vms.length === 0 || count % 2 === 1) return;
    report(`Expected an odd number of control planes, found ${count}. Add or remove one in prox-ops:nodes.`);
  },
);

export const controlPlanesOnDifferentHosts = stackPolicy(
  {
    name: 'control-planes-on-different-hosts',
    description: 'Control planes on one Proxmox host fail together, and etcd with them.',
  },
  ({ stack, report }) => {
    const controlPlanes = nodeVms(stack).filter(isControlPlane);
    const byHost = new Map<string, string[]>();
    for (const { props, name } of controlPlanes) {
      const host = props.nodeName ?? '';
      byHost.set(host, [...(byHost.get(host) ?? []), name]);
    }
    const hosts = stackFacts()?.proxmox.hosts.length ?? byHost.size;
    const most = Math.ceil(controlPlanes.length / Math.max(hosts, 1));
    for (const [host, names] of byHost) {
      if (names.length <= most) continue;
      report(
        `${names.join(', ')}: expected at most ${most} control plane(s) on a host, there being ${hosts} hosts, found ` +
          `${names.length} on ${host}. Change their host in prox-ops:nodes.`,
        controlPlanes.find(({ name }) => name === names.at(-1))?.resource.urn,
      );
    }
  },
);
