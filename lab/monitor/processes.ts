import { readdirSync, readFileSync } from 'node:fs';

/** A process as the process list shows it to everybody on the machine. */
export interface Process {
  pid: number;
  /** Arguments separated by spaces. */
  commandLine: string;
}

/** Every process of this machine; those that end meanwhile are left out. Linux only: elsewhere there are none to see. */
export function listProcesses(root = '/proc'): Process[] {
  return entries(root)
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const commandLine = commandLineOf(`${root}/${name}/cmdline`);
      return commandLine === '' ? [] : [{ pid: Number(name), commandLine }];
    });
}

function entries(root: string): string[] {
  try {
    return readdirSync(root);
  } catch {
    return [];
  }
}

function commandLineOf(file: string): string {
  try {
    return readFileSync(file, 'utf8').replaceAll('\0', ' ').trimEnd();
  } catch {
    return '';
  }
}
