/** What the monitor reads from one line of the API server's audit log (audit.k8s.io/v1 Event). */
export interface AuditEntry {
  id: string;
  /** Milliseconds since the epoch at which the request came in. */
  at: number;
  verb: string;
  user: string;
  userAgent: string;
  /** NAMESPACE/NAME; the name is empty for deletecollection. */
  pod: string;
  eviction: boolean;
  /** HTTP status of the answer. */
  code: number;
  dryRun: boolean;
}

interface RawEntry {
  auditID?: string;
  verb?: string;
  user?: { username?: string };
  userAgent?: string;
  requestURI?: string;
  requestReceivedTimestamp?: string;
  objectRef?: { resource?: string; subresource?: string; namespace?: string; name?: string };
  responseStatus?: { code?: number };
  requestObject?: { dryRun?: string[]; deleteOptions?: { dryRun?: string[] } };
}

/** Parses one line. @returns undefined for what concerns no pod. @throws SyntaxError for a line that is no JSON. */
export function parseAuditLine(line: string): AuditEntry | undefined {
  const raw = JSON.parse(line) as RawEntry;
  const subject = raw.objectRef;
  if (subject?.resource !== 'pods') return undefined;
  return {
    id: raw.auditID ?? '',
    at: Date.parse(raw.requestReceivedTimestamp ?? ''),
    verb: raw.verb ?? '',
    user: raw.user?.username ?? '',
    userAgent: raw.userAgent ?? '',
    pod: `${subject.namespace ?? ''}/${subject.name ?? ''}`,
    eviction: subject.subresource === 'eviction',
    code: raw.responseStatus?.code ?? 0,
    dryRun: isDryRun(raw),
  };
}

function isDryRun({ requestURI = '', requestObject }: RawEntry): boolean {
  const options = [...(requestObject?.dryRun ?? []), ...(requestObject?.deleteOptions?.dryRun ?? [])];
  return options.includes('All') || /[?&]dryRun=All(&|$)/.test(requestURI);
}
