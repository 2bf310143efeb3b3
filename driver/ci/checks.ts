import type { HealthReport } from '@prox-ops/operations';
import type { SecretAge } from '../talosSecrets/ages';
import type { Versions } from '../versions';
import { markdownBlock } from '../views/markdown';
import type { Finding } from './issues';

/** A check as it went, or why it could not be made: then nothing is known to be well. */
export type Looked<T> = { found: T } | { trouble: string };

/** The scheduled checks, as what an issue about each would say. */
export function findingsOf(
  stack: string,
  looked: {
    health: Looked<{ report: HealthReport; text: string }>;
    versions: Looked<{ versions: Versions; stale: Record<string, string[]> }>;
    secrets: Looked<{ ages: SecretAge[]; text: string }>;
  },
): Finding[] {
  return [
    judged('health', `${stack}: the cluster is not well`, looked.health, ({ report, text }) => ({
      ok: report.ok,
      text: markdownBlock(text),
    })),
    judged('stale-versions', `${stack}: not every version is as it is pinned`, looked.versions, (found) => ({
      ok: found.versions.differences.length === 0 && Object.keys(found.stale).length === 0,
      text: versionsText(found),
    })),
    judged('secrets-age', `${stack}: Talos secrets are due to be made anew`, looked.secrets, ({ ages, text }) => ({
      ok: !ages.some(({ due }) => due),
      text: `${markdownBlock(text)}\nHow each is made anew is in the last column.`,
    })),
  ];
}

function judged<T>(
  id: string,
  title: string,
  looked: Looked<T>,
  judge: (found: T) => { ok: boolean; text: string },
): Finding {
  if ('found' in looked) return { id, title, ...judge(looked.found) };
  return {
    id,
    title,
    ok: false,
    text: `The check could not be made, so nothing is known:\n\n${markdownBlock(looked.trouble)}`,
  };
}

function versionsText({ versions, stale }: { versions: Versions; stale: Record<string, string[]> }): string {
  const nodes = Object.entries(stale).map(([name, differs]) => `${name}: ${differs.join('; ')}`);
  const lines = [...versions.differences, ...nodes].map((line) => `- ${line}`);
  if (lines.length === 0) return 'Everything is as versions.yaml and the stack file have it.';
  return `${lines.join('\n')}\n\nSee \`npx prox-ops versions\` and \`npx prox-ops plan\`; go on with \`npx prox-ops roll\`.`;
}
