import type { PolicyReport } from './check';
import { byNode, summary } from './grouped';
import { place } from './text';
import type { Lines } from './where';

/** The report for GitHub's step summary and a pull request's comment. */
export function markdownReport(report: PolicyReport, lines: Lines): string {
  const rows = byNode(report.findings).flatMap(([node, findings]) =>
    findings.map(({ level, policy, message }) =>
      row([node, level === 'mandatory' ? '❌' : 'ℹ️', `\`${policy}\``, message, `\`${place(lines, node)}\``]),
    ),
  );
  const table = [
    row(['Node', '', 'Policy', 'What to change', 'Where']),
    row(['---', '---', '---', '---', '---']),
    ...rows,
  ];
  const head = `### Policies: ${report.stack}\n\n${summary(report)}.`;
  return `${head}\n${rows.length === 0 ? '' : `\n${table.join('\n')}\n`}`;
}

function row(cells: string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', '<br>')).join(' | ')} |`;
}
