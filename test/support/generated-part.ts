const END = '<!-- end -->';

function beginOf(script: string): string {
  return `<!-- begin: npm run ${script} -->`;
}

/** The part of a page that a script of package.json writes. @throws Error when the page has no such part. */
export function generatedPart(page: string, script: string): string {
  const begin = beginOf(script);
  const [start, end] = [page.indexOf(begin), page.indexOf(END)];
  if (start < 0 || end < start) throw new Error(`expected ${begin} and ${END}, found them not, or in another order`);
  return page.slice(start + begin.length, end).trim();
}

/** The page with another generated part. */
export function withGeneratedPart(page: string, script: string, part: string): string {
  const begin = beginOf(script);
  return `${page.slice(0, page.indexOf(begin) + begin.length)}\n\n${part}\n\n${page.slice(page.indexOf(END))}`;
}
