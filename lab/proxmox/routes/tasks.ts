import { Page, type Route } from '../http/router.js';
import type { Task } from '../tasks.js';

const FILTERS = {
  start: 'integer?',
  limit: 'integer?',
  vmid: 'integer?',
  typefilter: 'string?',
  userfilter: 'string?',
  statusfilter: 'string?',
  errors: 'flag?',
  source: 'string?',
  since: 'integer?',
  until: 'integer?',
} as const;

export const taskRoutes: Route[] = [
  {
    method: 'GET',
    path: '/nodes/{node}/tasks',
    params: FILTERS,
    run: ({ site, vars, params }) => {
      const source = params.optional('source') ?? 'archive';
      const rows = site.tasks
        .list(vars.node)
        .filter((task) => source === 'all' || (source === 'active') === (task.exitstatus === undefined))
        .filter(({ type }) => [undefined, type].includes(params.optional('typefilter')))
        .filter(({ id }) => [undefined, id].includes(params.optional('vmid')))
        .filter(({ exitstatus }) => !params.flag('errors') || (exitstatus !== undefined && exitstatus !== 'OK'))
        .filter(({ starttime }) => starttime >= (params.number('since') ?? 0))
        .filter(({ starttime }) => starttime <= (params.number('until') ?? Infinity));
      const start = params.number('start') ?? 0;
      return new Page(rows.slice(start, start + (params.number('limit') ?? 50)).map(taskRow), rows.length);
    },
  },
  {
    method: 'GET',
    path: '/nodes/{node}/tasks/{upid}/status',
    params: {},
    run: ({ site, vars }) => {
      const task = site.tasks.get(vars.node!, vars.upid!);
      const { upid, node, pid, pstart, starttime, type, id, exitstatus } = task;
      const ended = exitstatus === undefined ? { status: 'running' } : { status: 'stopped', exitstatus };
      return { upid, node, pid, pstart, starttime, type, id, ...owner(task), ...ended };
    },
  },
  {
    method: 'GET',
    path: '/nodes/{node}/tasks/{upid}/log',
    params: { start: 'integer?', limit: 'integer?' },
    run: ({ site, vars, params }) => {
      const { lines } = site.tasks.get(vars.node!, vars.upid!);
      const rows = lines.length === 0 ? ['no content'] : lines;
      const start = params.number('start') ?? 0;
      // A limit of 0 means every line.
      const limit = params.number('limit') ?? 50;
      const end = limit === 0 ? rows.length : start + limit;
      return new Page(rows.map((t, index) => ({ n: index + 1, t })).slice(start, end), rows.length);
    },
  },
  {
    method: 'DELETE',
    path: '/nodes/{node}/tasks/{upid}',
    params: {},
    run: ({ site, vars }) => site.tasks.stop(site.tasks.get(vars.node!, vars.upid!).upid),
  },
];

/** A row of a list of tasks: there the exit status is called status. */
export function taskRow(task: Task): Record<string, unknown> {
  const { upid, node, pid, pstart, starttime, type, id, user, endtime, exitstatus } = task;
  const ended = exitstatus === undefined ? {} : { endtime, status: exitstatus };
  return { upid, node, pid, pstart, starttime, type, id, user, ...ended };
}

function owner({ user }: Task): Record<string, string> {
  const [name, tokenid] = user.split('!');
  return { user: name!, ...(tokenid === undefined ? {} : { tokenid }) };
}
