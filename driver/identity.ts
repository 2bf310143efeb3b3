import { randomUUID } from 'node:crypto';
import { hostname, userInfo } from 'node:os';
import type { Actor } from './events';

/** Who runs: `user@host:pid`, for people and for proving later that the holder is gone. */
export function holder(): string {
  return `${userInfo().username}@${hostname()}:${process.pid}`;
}

/** A run's id: sortable by time, unique. */
export function newRunId(now = new Date()): string {
  return `${now.toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}-${randomUUID().slice(0, 8)}`;
}

/** Who is behind this account: variables that CI systems and sudo set, ours first. */
const ACTOR_VARIABLES = ['PROX_OPS_ACTOR', 'GITHUB_ACTOR', 'GITEA_ACTOR', 'GITLAB_USER_LOGIN', 'SUDO_USER'];

/** Who runs, for the audit trail: the person as far as anything tells, and the process. */
export function actor(environment: Readonly<Record<string, string | undefined>> = process.env): Actor {
  const source = ACTOR_VARIABLES.find((name) => (environment[name] ?? '') !== '');
  const user = userInfo().username;
  const job = jobAddress(environment);
  return {
    name: (source === undefined ? undefined : environment[source]) ?? user,
    source: source ?? 'login',
    user,
    host: hostname(),
    pid: process.pid,
    ...(job !== undefined && { job }),
  };
}

/** Where the job is to be seen; undefined outside of one. */
export function jobAddress(environment: Readonly<Record<string, string | undefined>>): string | undefined {
  const { CI_JOB_URL, GITHUB_SERVER_URL, GITHUB_REPOSITORY, GITHUB_RUN_ID } = environment;
  if (CI_JOB_URL !== undefined) return CI_JOB_URL;
  if (GITHUB_SERVER_URL === undefined || GITHUB_REPOSITORY === undefined) return undefined;
  return `${GITHUB_SERVER_URL}/${GITHUB_REPOSITORY}/actions/runs/${GITHUB_RUN_ID ?? ''}`;
}
