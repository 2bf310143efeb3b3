import { readEtcd, unhealthyMembers, voters } from './etcdView.js';
import { verdict, type Check } from './check.js';

export const etcdCheck: Check = {
  id: 'etcd',
  describe: 'every control plane has a healthy etcd voter, and nobody else has one',
  how: 'talosctl etcd members and etcd status, asked of every control plane',
  run: async ({ session, access }) => {
    const view = await readEtcd(session.talos, access.controlPlanes);
    const problems = [...unhealthyMembers(view), ...view.troubles];
    const wanted = access.controlPlanes.length;
    if (view.members.length !== wanted) problems.push(`${view.members.length} members for ${wanted} control planes`);
    return verdict(problems, `${wanted} healthy voters`, `${voters(view).length} voters`);
  },
};
