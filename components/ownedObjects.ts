/** Name under which the program applies its objects: fields of other managers, Flux above all, stay theirs. */
export const FIELD_MANAGER = 'prox-ops';

/** Metadata of an object that the program applies. */
export function ownedBy(labels: Record<string, string> = {}): {
  labels: Record<string, string>;
  annotations: Record<string, string>;
} {
  return {
    labels: { 'app.kubernetes.io/managed-by': FIELD_MANAGER, ...labels },
    annotations: { 'pulumi.com/patchFieldManager': FIELD_MANAGER },
  };
}
