import type { ErrorReport } from '../model/error-reports.js';
import { readInteger } from './query.js';
import { get, type Call, type ReadRoute } from './route.js';
import { VERSION } from './views.js';

/** Error reports; an unknown id is an empty list, not a 404. The text comes with withContent, and always by id. */
export const ERROR_REPORT_READS: ReadRoute[] = [
  get('/v1/error-reports', (call) => {
    const withContent = call.query.get('withContent')?.toLowerCase() === 'true';
    return selected(call).map((report) => view(report, withContent));
  }),
  get('/v1/error-reports/{id}', (call) => {
    const withContent = (call.query.get('withContent') ?? 'true').toLowerCase() === 'true';
    return call.model.reports.find(call.path['id']!).map((report) => view(report, withContent));
  }),
];

/** `node=controller` names the controller whatever its host is called. */
function selected({ model, query }: Call): ErrorReport[] {
  const since = readInteger(model, query, 'since', 0);
  const to = readInteger(model, query, 'to', Number.MAX_SAFE_INTEGER);
  const limit = readInteger(model, query, 'limit', 1000);
  const node = query.get('node')?.toLowerCase();
  const ours = node === undefined || node === 'controller' || node === 'controller-0';
  const reports = ours ? model.reports.list(since, to) : [];
  return limit > 0 ? reports.slice(0, limit) : reports;
}

function view(report: ErrorReport, withContent: boolean): object {
  const { id, node_name, error_time, module, ...cause } = report;
  return {
    node_name,
    error_time,
    filename: `ErrorReport-${id}.log`,
    text: withContent ? text(report) : undefined,
    module,
    version: VERSION.version,
    peer: "RestClient(127.0.0.1; 'null')",
    ...cause,
  };
}

function text(report: ErrorReport): string {
  return [
    `ERROR REPORT ${report.id}`,
    '',
    '='.repeat(60),
    '',
    'Application:                        LINBIT® LINSTOR',
    'Module:                             Controller',
    `Version:                            ${VERSION.version}`,
    `Build ID:                           ${VERSION.git_hash}`,
    `Error time:                         ${new Date(report.error_time).toISOString()}`,
    `Node:                               ${report.node_name}`,
    '',
    'Reported error:',
    '===============',
    '',
    `Class name:                         ${report.exception}`,
    `Generated at:                       Method '${report.origin_method}', Source file '${report.origin_file}', Line #${report.origin_line}`,
    '',
    `Error message:                      ${report.exception_message}`,
    '',
    'END OF ERROR REPORT.',
    '',
  ].join('\n');
}
