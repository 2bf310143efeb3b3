import { distance } from 'fastest-levenshtein';

/** The known names that are nearest to a wrong one, best first, at most three; names that are far off are left out. */
export function suggestions(wrong: string, known: readonly string[]): string[] {
  const limit = Math.max(2, Math.ceil(wrong.length / 3));
  return known
    .map((name) => ({ name, away: distance(wrong.toLowerCase(), name.toLowerCase()) }))
    .filter(({ away }) => away <= limit)
    .sort((a, b) => a.away - b.away || a.name.localeCompare(b.name))
    .slice(0, 3)
    .map(({ name }) => name);
}

/** '; did you mean a or b?'; empty when nothing is near. */
export function didYouMean(wrong: string, known: readonly string[]): string {
  const near = suggestions(wrong, known);
  return near.length === 0 ? '' : `; did you mean ${near.join(' or ')}?`;
}
