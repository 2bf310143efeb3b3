import { z } from 'zod';
import { shortened } from '../views/markdown';
import { marker } from './comment';
import { asking, type Repository } from './github';

/** What a scheduled check found. */
export const finding = z.strictObject({
  id: z.string().regex(/^[a-z-]+$/, { error: 'expected the name of a check' }),
  /** Of the issue while it is not well. */
  title: z.string().min(1),
  ok: z.boolean(),
  /** Markdown. */
  text: z.string(),
});

export type Finding = z.infer<typeof finding>;

/** Every issue of ours has it, so that a person finds them and we do not read all others. */
export const LABEL = 'prox-ops-check';

export type Change = 'opened' | 'brought up to date' | 'closed' | 'none';

/**
 * Has one open issue for a check that is not well and none for one that is.
 * @param where the job is to be seen.
 * @throws CommandError when GitHub refuses.
 */
export async function syncIssue(to: Repository, check: Finding, where: string | undefined): Promise<Change> {
  const [first, ...others] = await openIssues(to, check.id);
  // Two jobs at once can have opened one each.
  for (const issue of others) await close(to, issue, `The same as #${first}.`);
  if (check.ok) {
    if (first === undefined) return 'none';
    await close(to, first, `Well again${where === undefined ? '' : `: ${where}`}.`);
    return 'closed';
  }
  const body = textOf(check, where);
  const { api, owner, repo } = to;
  if (first === undefined) {
    const { title } = check;
    await asking('opening an issue', 'issues', () =>
      api.rest.issues.create({ owner, repo, title, body, labels: [LABEL] }),
    );
    return 'opened';
  }
  // Without a comment: nobody wants a message each time that nothing has changed.
  await asking('changing an issue', 'issues', () =>
    api.rest.issues.update({ owner, repo, issue_number: first, title: check.title, body }),
  );
  return 'brought up to date';
}

function textOf({ id, text }: Finding, where: string | undefined): string {
  const last = where === undefined ? '' : `\nLast looked at by ${where}. `;
  const lines = [marker(`check ${id}`), text.trimEnd(), `${last}\nThis issue is closed by itself once it is well.`];
  return shortened(`${lines.join('\n')}\n`, 'the job');
}

/** Oldest first. GitHub lists pull requests as issues, too. */
async function openIssues({ api, owner, repo }: Repository, id: string): Promise<number[]> {
  const own = marker(`check ${id}`);
  const found = await asking('reading the issues', 'issues', () =>
    api.paginate(api.rest.issues.listForRepo, { owner, repo, state: 'open', labels: LABEL, per_page: 100 }),
  );
  return found
    .filter(({ pull_request, body }) => pull_request === undefined && body?.startsWith(own))
    .map(({ number }) => number)
    .sort((left, right) => left - right);
}

async function close({ api, owner, repo }: Repository, issue: number, why: string): Promise<void> {
  const about = { owner, repo, issue_number: issue };
  await asking('commenting on an issue', 'issues', () => api.rest.issues.createComment({ ...about, body: why }));
  await asking('closing an issue', 'issues', () =>
    api.rest.issues.update({ ...about, state: 'closed', state_reason: 'completed' }),
  );
}
