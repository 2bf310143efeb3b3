/** GitHub takes no longer comment and no longer text of an issue, in characters. */
const LONGEST = 65_536;

/** A table of GitHub's Markdown. */
export function markdownTable(head: string[], rows: string[][]): string {
  return `${[head, head.map(() => '---'), ...rows].map(row).join('\n')}\n`;
}

function row(cells: string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', '<br>')).join(' | ')} |`;
}

/** Text as a terminal shows it. */
export function markdownBlock(text: string): string {
  // A fence in the text must not end the block.
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}\n${text.trimEnd()}\n${fence}\n`;
}

/** Text that GitHub takes. @param whole where the rest is to be found, e.g. a command. */
export function shortened(text: string, whole: string): string {
  if (text.length <= LONGEST) return text;
  const rest = `\n\nShortened: GitHub takes no longer comment. The whole report: ${whole}.\n`;
  return `${text.slice(0, text.lastIndexOf('\n', LONGEST - rest.length))}${rest}`;
}
