/**
 * The API server's audit policy for the monitor: one line for each eviction and each deletion of pods, with the request
 * (which says whether it was a dry run) and nothing else; none of these bodies can carry a secret.
 */
export const AUDIT_POLICY = auditPolicy([]);

/** The same, and every request of these users, without bodies; a watch when it begins and when it ends. */
export function auditPolicy(users: readonly string[]): string {
  const watched = users.length === 0 ? '' : `\n  - level: Metadata\n    users: ${JSON.stringify(users)}`;
  return `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: Request
    verbs: [create]
    resources: [{ group: '', resources: [pods/eviction] }]
  - level: Request
    verbs: [delete, deletecollection]
    resources: [{ group: '', resources: [pods] }]${watched}
  - level: None
`;
}
