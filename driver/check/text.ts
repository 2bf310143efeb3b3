import type { PolicyReport } from './check';
import { byNode, summary } from './grouped';
import { locate, type Lines } from './where';

/** The report for a terminal. */
export function textReport(report: PolicyReport, lines: Lines): string {
  const groups = byNode(report.findings).map(([node, findings]) => {
    const body = findings.map(
      ({ level, policy, message, description }) =>
        `  ${level === 'mandatory' ? 'violation' : 'note'}  ${policy}\n    ${message}\n    Why: ${description}`,
    );
    return [`${node}  (${place(lines, node)})`, ...body].join('\n');
  });
  return [...groups, `${report.stack}: ${summary(report)}.`].join('\n\n');
}

export function place(lines: Lines, node: string): string {
  const { file, line } = locate(lines, node);
  return `${file}:${line}`;
}
