import { Octokit } from '@octokit/rest';
import { CommandError } from '../exit';
import { secrets } from '../secrets';

type Environment = Readonly<Record<string, string | undefined>>;

/** A repository on GitHub, and who asks it. */
export interface Repository {
  api: Octokit;
  owner: string;
  repo: string;
}

/**
 * The repository of the job, by the variables that GitHub sets; the token is given to the step that needs it.
 * @throws CommandError naming every variable that is missing.
 */
export function repositoryFrom(environment: Environment = process.env): Repository {
  const wanted = ['GITHUB_API_URL', 'GITHUB_REPOSITORY', 'GITHUB_TOKEN'] as const;
  const missing = wanted.filter((name) => (environment[name] ?? '') === '');
  if (missing.length > 0)
    throw new CommandError(`Expected ${missing.join(', ')} as a job of GitHub Actions has them, found nothing.`);
  const { GITHUB_API_URL: baseUrl = '', GITHUB_REPOSITORY: name = '', GITHUB_TOKEN: auth = '' } = environment;
  const [, owner, repo] = /^([^/\s]+)\/([^/\s]+)$/.exec(name) ?? [];
  if (owner === undefined || repo === undefined)
    throw new CommandError(`GITHUB_REPOSITORY: expected OWNER/NAME, found ${name}.`);
  secrets.addToken(auth);
  const silent = () => undefined;
  const log = { debug: silent, info: silent, warn: told, error: silent };
  return { api: new Octokit({ auth, baseUrl, log, userAgent: 'prox-ops' }), owner, repo };
}

function told(message: string): void {
  process.stderr.write(`${secrets.clean(message)}\n`);
}

/** What GitHub refused, as a CommandError: what was asked, its answer, and what the token would have to be allowed. */
export async function asking<T>(what: string, permission: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    const { status, message } = error as { status?: number; message: string };
    if (status === undefined || status === 500) throw new CommandError(`GitHub: ${what}: ${message}`);
    const hint = [401, 403, 404].includes(status) ? ` The job's token needs ${permission}: write.` : '';
    throw new CommandError(`GitHub: ${what}: expected success, found ${status} ${message}.${hint}`);
  }
}
