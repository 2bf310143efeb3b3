import { ImageError, type ImageFactory } from './image-factory.js';
import type { InstallerReference } from './images.js';
import { parseVersion } from './version.js';

/** How many minor releases an installer may be ahead of the system that runs it. */
const REACH = 2;

/**
 * What an installer image would install on a machine that runs a version, or why it refuses: the image does not exist,
 * or the versions are too far apart.
 */
export function preflight(
  images: ImageFactory,
  running: string,
  image: string,
): InstallerReference | { refused: string } {
  try {
    const target = images.resolveInstaller(image);
    const [host, wanted] = [parseVersion(running)!, parseVersion(target.version)!];
    const apart = wanted.major === host.major ? wanted.minor - host.minor : Infinity;
    if (apart > REACH) {
      const oldest = `${wanted.major}.${wanted.minor - REACH}.0`;
      return {
        refused: `host version ${running.slice(1)} is too old to upgrade to Talos ${target.version.slice(1)}, minimum ${oldest}`,
      };
    }
    if (-apart >= REACH) {
      return {
        refused: `host version ${running.slice(1)} is too new to downgrade to Talos ${target.version.slice(1)}`,
      };
    }
    return target;
  } catch (error) {
    if (error instanceof ImageError) return { refused: error.message };
    throw error;
  }
}
