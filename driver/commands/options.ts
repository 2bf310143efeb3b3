import { findProject, type Project } from '../project';

/** Options that every command has. */
export interface CommonOptions {
  cwd?: string;
  stack?: string;
  json?: boolean;
}

export function projectFrom(options: CommonOptions): Project {
  return findProject(options.cwd ?? process.cwd(), options.stack);
}
