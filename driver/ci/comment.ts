import { shortened } from '../views/markdown';
import { asking, type Repository } from './github';

/** What tells a comment of ours from all others; GitHub does not show it. */
export function marker(name: string): string {
  return `<!-- prox-ops: ${name} -->`;
}

/** What became of a comment. */
export type Posted = 'written' | 'changed' | 'left as it was';

/**
 * Writes a comment on a pull request, or changes the one of that name that is there.
 * @throws CommandError when GitHub refuses.
 */
export async function upsertComment(
  { api, owner, repo }: Repository,
  pullRequest: number,
  name: string,
  text: string,
): Promise<Posted> {
  const own = marker(name);
  const body = shortened(`${own}\n${text.trimEnd()}\n`, 'the summary of the job');
  const about = { owner, repo, issue_number: pullRequest };
  const comments = await asking('reading the comments', 'pull-requests', () =>
    api.paginate(api.rest.issues.listComments, { ...about, per_page: 100 }),
  );
  const found = comments.find((comment) => comment.body?.startsWith(own));
  if (!found) {
    await asking('writing a comment', 'pull-requests', () => api.rest.issues.createComment({ ...about, body }));
    return 'written';
  }
  // GitHub keeps a comment without the white space around it.
  if (found.body?.trim() === body.trim()) return 'left as it was';
  await asking('changing a comment', 'pull-requests', () =>
    api.rest.issues.updateComment({ owner, repo, comment_id: found.id, body }),
  );
  return 'changed';
}
