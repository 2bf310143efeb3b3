/** The known names that are nearest to a wrong one, best first, at most three; names that are far off are left out. */
export function suggestions(wrong: string, known: readonly string[]): string[] {
  const limit = Math.max(2, Math.ceil(wrong.length / 3));
  return known
    .map((name) => ({ name, distance: editDistance(wrong.toLowerCase(), name.toLowerCase()) }))
    .filter(({ distance }) => distance <= limit)
    .sort((a, b) => a.distance - b.distance || a.name.localeCompare(b.name))
    .slice(0, 3)
    .map(({ name }) => name);
}

/** ', did you mean a or b?'; empty when nothing is near. */
export function didYouMean(wrong: string, known: readonly string[]): string {
  const near = suggestions(wrong, known);
  return near.length === 0 ? '' : `; did you mean ${near.join(' or ')}?`;
}

/** Levenshtein distance: letters to insert, delete or replace. */
function editDistance(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [row, letter] of [...a].entries()) {
    const line = [row + 1];
    for (const [column, other] of [...b].entries()) {
      const replaced = (above[column] ?? 0) + (letter === other ? 0 : 1);
      line.push(Math.min(replaced, (above[column + 1] ?? 0) + 1, (line[column] ?? 0) + 1));
    }
    above = line;
  }
  return above[b.length] ?? 0;
}
