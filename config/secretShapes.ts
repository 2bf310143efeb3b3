/** Texts that are secrets by their look. What is found is never part of a message. */
const SHAPES: { what: string; pattern: RegExp }[] = [
  {
    what: 'a Proxmox API token',
    pattern: /\S+@\S+!\S+=[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/i,
  },
  { what: 'a private key', pattern: /-----BEGIN [A-Z ]*PRIVATE KEY-----/ },
  // The same in base64, as in a kubeconfig, talosconfig or secrets.yaml.
  { what: 'a certificate or key in base64', pattern: /LS0tLS1CRUdJTi/ },
  { what: 'an age key', pattern: /AGE-SECRET-KEY-1/ },
  { what: 'a GitHub token', pattern: /\b(gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,})/ },
  { what: 'an AWS access key', pattern: /\b(AKIA|ASIA)[A-Z0-9]{16}\b/ },
  { what: 'a JSON web token', pattern: /\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\./ },
  { what: 'a webhook with its secret', pattern: /\/api\/webhooks\/\d+\/\S+|hooks\.slack\.com\/services\/\S+/ },
  { what: 'a URL with a password', pattern: /:\/\/[^/\s:@]+:[^/\s@]+@/ },
];

/** The text, or what it looks like instead when that is a secret. */
export function withoutSecret(text: string): string {
  const what = secretShape(text);
  return what === undefined ? text : `what looks like ${what}`;
}

/** What a text looks like, when it looks like a secret. */
export function secretShape(text: string): string | undefined {
  return SHAPES.find(({ pattern }) => pattern.test(text))?.what;
}
