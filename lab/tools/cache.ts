import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ToolsError } from './errors';
import { probeVersion } from './probe';
import type { ToolSpec } from './spec';
import { fits } from './version';

/** One tool made in one way: `CACHE/tools/NAME/VERSION-HASH/`, holding the program, its stamp and its lock. */
export class CacheSlot {
  readonly directory: string;
  /** Where the finished program lies. */
  readonly program: string;
  /** The lock directory of whoever fills this slot. */
  readonly lock: string;
  private readonly stamp: string;

  /** `ingredients` is everything that decides what comes out; a change of any of them is another slot. */
  constructor(
    cacheDir: string,
    readonly spec: ToolSpec,
    ingredients: readonly string[],
  ) {
    this.directory = join(cacheDir, 'tools', spec.name, `${spec.version}-${hash(ingredients)}`);
    this.program = join(this.directory, spec.name);
    this.lock = join(this.directory, 'lock');
    this.stamp = join(this.directory, 'complete.json');
  }

  /**
   * Whether a finished program lies here. The stamp, written only after the program answered, carries its size: a copy
   * that was cut short (a full disk, an interrupted restore of the cache) is told from a whole one without starting it.
   */
  isComplete(): boolean {
    try {
      const { size } = JSON.parse(readFileSync(this.stamp, 'utf8')) as { size: number };
      return statSync(this.program).size === size;
    } catch {
      return false;
    }
  }

  /** Removes what interrupted runs left. To be called by the holder of the lock only. @returns a name to build into. */
  prepare(): string {
    mkdirSync(this.directory, { recursive: true });
    for (const name of readdirSync(this.directory)) {
      if (join(this.directory, name) !== this.lock) {
        rmSync(join(this.directory, name), { recursive: true, force: true });
      }
    }
    return join(this.directory, `partial-${process.pid}`);
  }

  /**
   * Makes a new program the finished one, if it runs and says that it has the version it should.
   * @throws ToolsError if it does not.
   */
  async finish(partial: string): Promise<void> {
    chmodSync(partial, 0o755);
    const found = await probeVersion(partial, this.spec.probe);
    if (found === undefined || !fits(found, this.spec.accepts)) {
      rmSync(partial, { force: true });
      throw new ToolsError(
        `${this.spec.name}: expected a program that says it is ${this.spec.version}, ` +
          `found ${found === undefined ? 'one that does not run here' : `one that says ${found}`}`,
      );
    }
    const { size } = statSync(partial);
    renameSync(partial, this.program);
    writeFileSync(this.stamp, `${JSON.stringify({ size, version: found })}\n`);
  }
}

function hash(ingredients: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(ingredients)).digest('hex').slice(0, 12);
}
