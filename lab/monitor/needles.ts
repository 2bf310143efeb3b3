/** A secret to look for. */
export interface Secret {
  /** What it is, for reports: 'Proxmox API token'. */
  label: string;
  value: string;
}

/** One text that gives a secret away. */
export interface Needle {
  label: string;
  text: string;
}

/** Anything shorter is found by chance everywhere. */
const SHORTEST = 12;

/**
 * The texts by which a secret shows: as it is, in base64, and URL-encoded. Of a text of several lines (a PEM key) every
 * line counts by itself, since a log or JSON may break it up; its markers are no secret.
 *
 * @throws RangeError when no part of the secret is long enough to be looked for.
 */
export function needlesFor({ label, value }: Secret): Needle[] {
  const lines = value
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.length >= SHORTEST && !line.startsWith('-----'));
  if (lines.length === 0) {
    throw new RangeError(`secret '${label}': expected a line of at least ${SHORTEST} characters, found none`);
  }
  const texts = new Set(lines);
  for (const line of lines) texts.add(encodeURIComponent(line));
  for (const text of [value, value.trim(), `${value.trim()}\n`])
    texts.add(unpadded(Buffer.from(text).toString('base64')));
  return [...texts].map((text) => ({ label, text }));
}

/** The last group of base64 depends on what follows. */
function unpadded(base64: string): string {
  return base64.slice(0, base64.length - (base64.length % 4 || 4));
}

/** Labels of the secrets that a text gives away. */
export function findSecrets(text: string, needles: readonly Needle[]): string[] {
  const labels = needles.filter((needle) => text.includes(needle.text)).map(({ label }) => label);
  return [...new Set(labels)];
}
