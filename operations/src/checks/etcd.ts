import { messageOf } from '../runtime/errors.js';
import { verdict, type Check, type CheckContext } from './check.js';
import { readEtcd, unhealthyMembers, voters } from './etcdView.js';

export const etcdCheck: Check = {
  id: 'etcd',
  describe: 'every control plane has a healthy etcd voter, and nobody else has one',
  how: 'talosctl etcd members and etcd status, asked of every control plane',
  run: async (ctx) => {
    const { problems, good } = await etcdState(ctx);
    return verdict(problems, `${ctx.access.controlPlanes.length} healthy voters`, good);
  },
};

/** What is wrong with etcd's members, and how it is where nothing is. */
export async function etcdState({ session, access }: CheckContext): Promise<{ problems: string[]; good: string }> {
  const view = await readEtcd(session.talos, access.controlPlanes).catch(messageOf);
  if (typeof view === 'string') return { problems: [view], good: '' };
  const problems = [...unhealthyMembers(view), ...view.troubles];
  const wanted = access.controlPlanes.length;
  if (view.members.length !== wanted) problems.push(`${view.members.length} members for ${wanted} control planes`);
  return { problems, good: `${voters(view).length} voters` };
}
