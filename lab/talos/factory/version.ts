/** A release as vMAJOR.MINOR.PATCH with an optional pre-release label, as Talos and Kubernetes tag theirs. */
export interface Version {
  major: number;
  minor: number;
  patch: number;
  /** alpha.1, beta.0, rc.2; '' for a release proper. */
  label: string;
}

/** Reads v1.12.0 or 1.12.0-rc.1; undefined when the text is no such version. */
export function parseVersion(text: string): Version | undefined {
  const match = /^v?(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?$/.exec(text);
  if (!match) return undefined;
  const [, major, minor, patch, label] = match;
  return { major: Number(major), minor: Number(minor), patch: Number(patch), label: label ?? '' };
}

/** Whether a version belongs to a minor release or a later one; pre-releases count as their release. */
export function atLeast(version: string, major: number, minor: number): boolean {
  const found = parseVersion(version);
  return found !== undefined && (found.major > major || (found.major === major && found.minor >= minor));
}
