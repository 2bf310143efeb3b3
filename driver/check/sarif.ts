import type { Log, ReportingDescriptor, Result } from 'sarif';
import type { PolicyReport } from './check';
import type { Finding } from './findings';
import { locate, type Lines } from './where';

/** The report as SARIF 2.1.0, for code scanning: each finding at its node's line in the stack file. */
export function sarifReport(report: PolicyReport, lines: Lines): Log {
  return {
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'prox-ops', rules: rules(report.findings) } },
        results: report.findings.map((finding) => result(finding, lines)),
        columnKind: 'utf16CodeUnits',
      },
    ],
  };
}

function rules(findings: Finding[]): ReportingDescriptor[] {
  const descriptions = new Map(findings.map(({ policy, description }) => [policy, description]));
  return [...descriptions].map(([id, text]) => ({ id, shortDescription: { text } }));
}

function result({ policy, level, message, node, urn }: Finding, lines: Lines): Result {
  const { file, line } = locate(lines, node);
  return {
    ruleId: policy,
    level: level === 'mandatory' ? 'error' : 'note',
    message: { text: message },
    locations: [
      {
        physicalLocation: { artifactLocation: { uri: file }, region: { startLine: line } },
        logicalLocations: [{ name: node ?? 'cluster', kind: 'resource', ...(urn && { fullyQualifiedName: urn }) }],
      },
    ],
  };
}
