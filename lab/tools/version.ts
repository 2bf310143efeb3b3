/** A release number. `preRelease` is what follows a hyphen ('rc.1'); build metadata after a plus sign is dropped. */
export interface Version {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
  readonly preRelease: string;
}

/** The versions that fit: `from` and everything after it, up to but without `below`. */
export interface VersionRange {
  readonly from: string;
  readonly below: string;
}

const VERSION = /^v?(\d+)\.(\d+)(?:\.(\d+))?(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?$/;

/** Reads '1.2.3', 'v1.2.3', '1.26' or 'v1.2.3-rc.1+build'; undefined for anything else. */
export function parseVersion(text: string): Version | undefined {
  const match = VERSION.exec(text.trim());
  if (!match) {
    return undefined;
  }
  return {
    major: Number(match[1]),
    minor: Number(match[2]),
    patch: Number(match[3] ?? 0),
    preRelease: match[4] ?? '',
  };
}

/**
 * Whether `found` lies in the range. A pre-release never fits: `v1.36.3-alpha.1` may lack what v1.36.3 promises, and
 * vendors put their own builds behind a hyphen too.
 */
export function fits(found: string, range: VersionRange): boolean {
  const version = parseVersion(found);
  return (
    version !== undefined &&
    version.preRelease === '' &&
    compare(version, expectVersion(range.from)) >= 0 &&
    compare(version, expectVersion(range.below)) < 0
  );
}

/** A version and its later patch releases: what a program may be replaced by without a second look. */
export function sameMinor(from: string): VersionRange {
  const { major, minor } = expectVersion(from);
  return { from, below: `${major}.${minor + 1}.0` };
}

/** Whether `found` is `wanted` or later, pre-releases counting as their release. False if `found` is no version. */
export function isAtLeast(found: string, wanted: string): boolean {
  const version = parseVersion(found);
  return version !== undefined && compare(version, expectVersion(wanted)) >= 0;
}

function compare(a: Version, b: Version): number {
  return a.major - b.major || a.minor - b.minor || a.patch - b.patch;
}

function expectVersion(text: string): Version {
  const version = parseVersion(text);
  if (!version) {
    throw new Error(`expected a version such as 1.2.3, found "${text}"`);
  }
  return version;
}
