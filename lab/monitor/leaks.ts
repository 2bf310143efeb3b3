import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { AppendedReader } from './file-reader.js';
import { findSecrets, type Needle, needlesFor, type Secret } from './needles.js';
import { listProcesses, type Process } from './processes.js';
import type { Report } from './verdict.js';

/** A registered file with the end of what was read, in which a secret may have begun. */
interface WatchedFile {
  reader: AppendedReader;
  tail: string;
}

/**
 * I7: looks for secrets in registered files and folders as they grow, and in the command lines of all processes. It
 * reports where a secret stands and which one it is, never the secret.
 */
export class LeakRule {
  private needles: Needle[] = [];
  private longest = 0;
  private readonly roots = new Set<string>();
  private files = new Map<string, WatchedFile>();
  private readonly told = new Set<string>();

  constructor(
    private readonly report: Report,
    private readonly processes: () => Process[] = listProcesses,
  ) {}

  /** From now on this is looked for, also in what was read before. @throws RangeError when it is too short to be. */
  addSecret(secret: Secret): void {
    const fresh = needlesFor(secret).filter(({ text }) => !this.needles.some((needle) => needle.text === text));
    if (fresh.length === 0) return;
    this.needles = [...this.needles, ...fresh];
    this.longest = Math.max(...this.needles.map(({ text }) => text.length));
    this.files = new Map();
  }

  /** A file, or a folder with everything below it; either may come into being later. */
  addFiles(...paths: string[]): void {
    for (const path of paths) this.roots.add(path);
  }

  scanFiles(): void {
    for (const root of this.roots) for (const path of filesBelow(root)) this.scanFile(path);
  }

  scanProcesses(): void {
    if (this.needles.length === 0) return;
    for (const { pid, commandLine } of this.processes()) {
      for (const label of findSecrets(commandLine, this.needles)) {
        const program = commandLine.split(' ', 1)[0]?.split('/').at(-1) ?? '';
        const named = findSecrets(program, this.needles).length > 0 ? 'a program' : program;
        this.leaked(label, `the command line of ${named} (process ${pid})`);
      }
    }
  }

  private scanFile(path: string): void {
    const file = this.files.get(path) ?? { reader: new AppendedReader(path), tail: '' };
    this.files.set(path, file);
    file.reader.read((chunk) => {
      // Latin-1 keeps one character a byte, so that a chunk may end within a character.
      const text = file.tail + chunk.toString('latin1');
      for (const label of findSecrets(text, this.needles)) this.leaked(label, path);
      file.tail = this.longest > 1 ? text.slice(-(this.longest - 1)) : '';
    });
  }

  private leaked(label: string, where: string): void {
    const key = `${label} ${where}`;
    if (this.told.has(key)) return;
    this.told.add(key);
    this.report('I7', `${label} stands in ${where}`, { secret: label, where });
  }
}

function filesBelow(path: string): string[] {
  const kind = statSync(path, { throwIfNoEntry: false });
  if (kind === undefined) return [];
  if (kind.isFile()) return [path];
  if (!kind.isDirectory()) return [];
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => !entry.isSymbolicLink())
    .flatMap((entry) => filesBelow(join(path, entry.name)));
}
