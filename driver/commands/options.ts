import { findProject, type Project } from '../project';

/** Options that every command has. */
export interface CommonOptions {
  cwd?: string;
  stack?: string;
  json?: boolean;
}

/** Options of the commands that change something, for the audit trail and those who watch. */
export interface RunOptions extends CommonOptions {
  /** Why, in the words of who runs it. */
  reason?: string;
  /** Where Prometheus metrics of the run go: a file in a textfile collector's folder. */
  metricsFile?: string;
  /** Where the run's closing words go as well. */
  summaryFile?: string;
}

export function projectFrom(options: CommonOptions): Project {
  return findProject(options.cwd ?? process.cwd(), options.stack);
}
