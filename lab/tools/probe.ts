import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, resolve } from 'node:path';
import { run } from './process';
import type { ToolSpec, VersionProbe } from './spec';
import { fits } from './version';

/** A program may be a wrapper that starts another; one that does not answer in this time is taken for unusable. */
const PROBE_LIMIT_MS = 60_000;

/** The version that a program says it has; undefined when it does not run or prints none. Never throws. */
export async function probeVersion(program: string, probe: VersionProbe): Promise<string | undefined> {
  try {
    const { code, stdout, stderr } = await run(program, probe.args, { env: probeEnv(), killAfterMs: PROBE_LIMIT_MS });
    return code === 0 ? probe.pattern.exec(`${stdout}\n${stderr}`)?.[1] : undefined;
  } catch {
    return undefined;
  }
}

/** `pulumi version` would ask its maker's site for a newer one first. */
function probeEnv(): NodeJS.ProcessEnv {
  return { ...process.env, PULUMI_SKIP_UPDATE_CHECK: 'true' };
}

/** A program found on PATH. */
export interface Found {
  readonly path: string;
  readonly version: string;
}

/**
 * The first program on PATH whose version fits. Later folders are looked at too, since an old one in front of a fitting
 * one is common (a distribution's package before a user's own).
 */
export async function findOnPath(spec: ToolSpec, path = process.env['PATH'] ?? ''): Promise<Found | undefined> {
  for (const candidate of executablesOnPath(spec.name, path)) {
    const version = await probeVersion(candidate, spec.probe);
    if (version !== undefined && fits(version, spec.accepts)) {
      return { path: candidate, version };
    }
  }
  return undefined;
}

/** Every executable file of that name on PATH, as absolute paths in PATH's order. */
export function executablesOnPath(name: string, path: string): string[] {
  const folders = path.split(delimiter).filter((folder) => folder !== '');
  return [...new Set(folders.map((folder) => resolve(folder, name)))].filter(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
