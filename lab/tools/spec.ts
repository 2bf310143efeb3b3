import type { VersionRange } from './version';

/** How to ask a program for its version. */
export interface VersionProbe {
  readonly args: readonly string[];
  /** Its first group is the version in what the program prints. */
  readonly pattern: RegExp;
}

/** How to build a program with Go. */
export interface GoRecipe {
  /** Folder with the go.mod and go.sum that fix every source file of the build. */
  readonly moduleDir: string;
  /** Import path of the program. */
  readonly packagePath: string;
  /** Linker flags: what stamps a version into the program where its source does not have it. */
  readonly ldflags: string;
}

/** An official download. Every one is verified, so a project that publishes no checksums has none here. */
export interface Download {
  readonly url: string;
  /** A checksum file: lines 'SHA256  NAME', or one bare SHA256. */
  readonly checksumUrl: string;
  /** The program's path inside a .tar.gz; absent when the download is the program itself. */
  readonly archiveMember?: string;
}

/** One program that the lab needs. */
export interface ToolSpec {
  readonly name: string;
  /** The version that is downloaded or built, such as 'v1.2.3'. */
  readonly version: string;
  /** What may be used instead, when it is already on PATH. */
  readonly accepts: VersionRange;
  readonly probe: VersionProbe;
  readonly recipe: GoRecipe;
  /** The download for this machine; undefined where none is published for it. */
  readonly download?: Download;
}
