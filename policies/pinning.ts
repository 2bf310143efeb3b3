import semver from 'semver';
import { resourcePolicy } from './support/define';
import { walk, type Leaf } from './support/walk';

export const noUnpinnedImages = resourcePolicy(
  {
    name: 'no-unpinned-images',
    description: 'An image by a moving tag is another one on the next node: a rollback cannot bring the old one back.',
  },
  [],
  ({ resource, unknowns, report }) => {
    walk(resource.props, unknowns, (leaf) => {
      for (const image of imagesIn(leaf)) {
        const problem = imageProblem(image);
        if (problem !== undefined)
          report(
            `${resource.name}: ${leaf.path}: expected an image with a fixed tag or digest, found ${image} (${problem}). Pin it to a ` +
              `release or a digest.`,
          );
      }
    });
  },
);

/** A property named image holds one; a text (a machine configuration) holds them in its `image:` lines. */
function imagesIn({ key, value }: Leaf): string[] {
  if (typeof value !== 'string') return [];
  if (value.includes('\n'))
    return [...value.matchAll(/^\s*(?:- )?"?image"?:\s*["']?([^\s"'#]+)/gm)].map(([, image = '']) => image);
  return /^(container)?image$/i.test(key) ? [value] : [];
}

function imageProblem(image: string): string | undefined {
  if (/@sha256:[0-9a-f]{64}$/.test(image)) return undefined;
  const tag = /:([^/:]+)$/.exec(image)?.[1];
  if (tag === undefined) return 'no tag means latest';
  return MOVING.test(tag) ? 'the tag moves' : undefined;
}

const MOVING = /^(latest|stable|edge|main|master|nightly|dev|canary|rolling)$/i;

export const noUnpinnedVersions = resourcePolicy(
  {
    name: 'no-unpinned-versions',
    description: 'A version that is resolved when it is used differs between two nodes of one rollout.',
  },
  [],
  ({ resource, unknowns, report }) => {
    walk(resource.props, unknowns, ({ path, key, value }) => {
      if (typeof value !== 'string' || value.includes('\n')) return;
      const isVersion = /version$/i.test(key) && !/^apiVersion$/i.test(key);
      const moves = isVersion
        ? MOVING.test(value) || isRange(value)
        : /\/(latest|stable)\//.test(value) && /url$/i.test(key);
      if (moves) report(`${resource.name}: ${path}: expected a pinned version, found ${value}. Pin it to one release.`);
    });
  },
);

/** `^1.2`, `>=1`, `1.x`, `*`: what a package manager resolves. */
function isRange(version: string): boolean {
  return /[\^~><*|]|\.x\b/.test(version) && semver.validRange(version) !== null && semver.valid(version) === null;
}

const CHARTS = ['kubernetes:helm.sh/v3:Release', 'kubernetes:helm.sh/v3:Chart', 'kubernetes:helm.sh/v4:Chart'];

export const chartsPinned = resourcePolicy(
  { name: 'charts-pinned', description: 'A chart without a version is the newest one of the day it is applied.' },
  CHARTS,
  ({ resource, report }) => {
    const version = resource.props.version as string | undefined;
    if (version !== undefined && semver.valid(version) !== null) return;
    report(`${resource.name}: expected a pinned chart version like 1.2.3, found ${version ?? 'none'}. Set version.`);
  },
);
