/** A path that is known to hold no secret: a regular expression on `TYPE.PATH`, and why. */
export interface Allowed {
  path: string;
  reason: string;
}

export interface ScanOptions {
  /** Bits a character from which a text counts as random. */
  entropy?: number;
  /** Shorter texts are not judged by entropy. */
  minimumLength?: number;
  allow?: Allowed[];
}

/** Shapes that nothing but a secret has. */
const SHAPES: [kind: string, pattern: RegExp][] = [
  ['a private key', /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----/],
  ['a private key (base64)', /\bLS0tLS1CRUdJTi[A-Za-z0-9+/=]{8,}(?:UFJJVkFURS|QUklWQVRF|BSSVZBVE)/],
  ['a kubeconfig', /\b(client-key-data|client-certificate-data):\s*\S/],
  ['a talosconfig', /\bcontexts:[\s\S]*\bkey:\s*LS0t/],
  ['a JSON Web Token', /\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}/],
  ['a Proxmox API token', /\b[\w.-]+@[\w-]+![\w-]+=[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/i],
  ['an age key', /\bAGE-SECRET-KEY-1[A-Z0-9]{20,}/],
  ['a webhook with its secret', /\/api\/webhooks\/\d+\/\S+|\bhooks\.slack\.com\/services\/\S+/],
  ['an AWS access key', /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/],
  ['a GitHub token', /\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{22,})/],
  ['a Slack token', /\bxox[abprs]-[\w-]{10,}/],
  ['a bootstrap token', /^[a-z0-9]{6}\.[a-z0-9]{16}$/],
  ['credentials in a URL', /\b[a-z][a-z0-9+.-]*:\/\/[^\s/:@]+:[^\s/@]{3,}@/i],
];

/** Property names that hold a secret whatever it looks like. */
const NAMES =
  /^(?:.*[_-])?(?:password|passwd|passphrase|secret|secretKey|token|apiToken|apiKey|privateKey|clientKey)$/i;

/** Text that looks random and is no secret: digests, ids, URNs, addresses, paths, versions. */
const HARMLESS = [
  /^(?:sha256:)?[0-9a-f]{32,128}$/i,
  /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
  /^urn:/,
  /^[a-z][a-z0-9+.-]*:\/\//i,
  /^[\w.-]+(?:\/[\w.:@-]+)+$/,
  /^arn:/,
  /\s/,
];

/** What kind of secret a text is, for people; undefined when it is none. */
export function secretIn(
  { path, key, value }: { path: string; key: string; value: string },
  { entropy = 4.3, minimumLength = 28, allow = [] }: ScanOptions = {},
): string | undefined {
  if (value === '' || allow.some((allowed) => new RegExp(allowed.path).test(path))) return undefined;
  const shape = SHAPES.find(([, pattern]) => pattern.test(value));
  if (shape) return shape[0];
  if (NAMES.test(key)) return `a value named ${key}`;
  if (value.length < minimumLength || HARMLESS.some((pattern) => pattern.test(value))) return undefined;
  return /^[\w+/=-]+$/.test(value) && mixes(value) && shannon(value) >= entropy ? 'a random text' : undefined;
}

/** Words and identifiers seldom mix digits and both cases. */
function mixes(text: string): boolean {
  return /[a-z]/.test(text) && /[A-Z]/.test(text) && /\d/.test(text);
}

/** Bits a character. */
export function shannon(text: string): number {
  const counts = new Map<string, number>();
  for (const letter of text) counts.set(letter, (counts.get(letter) ?? 0) + 1);
  return [...counts.values()].reduce((sum, count) => sum - (count / text.length) * Math.log2(count / text.length), 0);
}
