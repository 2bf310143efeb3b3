import { randomUUID } from 'node:crypto';
import { chmodSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { RunLog } from '../runLog';
import { htmlReport } from './html';
import { reportOf, type ReportFiles } from './model';
import { closingText } from './table';
import { metricsText } from './prometheus';

/** What was asked for beside them, by path. */
export interface WantedFiles {
  metricsFile?: string;
  summaryFile?: string;
}

/** Writes a run's reports. One that can't be written becomes a notice: the run itself is over. */
export function writeReports(log: RunLog, { metricsFile, summaryFile }: WantedFiles = {}): ReportFiles {
  const files: ReportFiles = { log: log.file };
  if (log.events.length === 0) return files;
  const report = reportOf(log.events);
  const write = (subject: string, file: string, text: () => string, mode: number): boolean => {
    try {
      writeAtomically(file, text(), mode);
      return true;
    } catch (error) {
      log.emit({ type: 'notice', subject, message: `not written: ${(error as Error).message}` });
      return false;
    }
  };
  // A textfile collector runs under another account: metrics are for all to read, and hold no more than names and times.
  if (metricsFile !== undefined) write('metrics', metricsFile, () => metricsText(report), 0o644);
  if (summaryFile !== undefined) write('summary', summaryFile, () => closingText(log.events, files), 0o644);
  if (report.nodes.length === 0) return files;
  const json = log.file.replace(/jsonl$/, 'json');
  const html = log.file.replace(/jsonl$/, 'html');
  if (write('JSON report', json, () => `${JSON.stringify(report, null, 2)}\n`, 0o600)) files.json = json;
  if (write('HTML report', html, () => htmlReport(report, log.events), 0o600)) files.html = html;
  return files;
}

/** A reader sees the old file or the new one, never a half of it. The name in between must not end as the file does. */
export function writeAtomically(file: string, text: string, mode: number): void {
  const draft = join(dirname(file), `.${basename(file)}.${randomUUID()}.tmp`);
  try {
    writeFileSync(draft, text, { mode });
    // Whatever the umask: who may read it is decided by what it holds.
    chmodSync(draft, mode);
    renameSync(draft, file);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}
