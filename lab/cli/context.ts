import { dirname } from 'node:path';
import { defaultDirectory, LabDirectory } from '../daemon/directory.js';
import { EXIT, LabError } from '../daemon/errors.js';
import { labRoot } from '../tools/index.js';
import { LabClient } from './client.js';

/** Where commands write; tests bring their own. */
export interface Output {
  /** A line, or several. */
  out: (text: string) => void;
  /** Text with its own line ends. */
  err: (text: string) => void;
}

/** The lab a command is about. */
export interface Target {
  name: string;
  directory: LabDirectory;
}

/** @throws LabError when the name can't be a folder's. */
export function targetOf(name: string): Target {
  if (!/^[a-z0-9][a-z0-9-]{0,30}$/.test(name)) {
    const expected = 'lower-case letters, digits and hyphens, at most 31';
    throw new LabError(`lab name: expected ${expected}, found '${name}'`, EXIT.usage);
  }
  return { name, directory: new LabDirectory(defaultDirectory(name)) };
}

export function clientOf({ name, directory }: Target): LabClient {
  return LabClient.of(name, directory);
}

/** The checkout that this lab belongs to: the program that runs against it. */
export function projectDirectory(): string {
  return dirname(labRoot());
}
