import { randomBytes } from 'node:crypto';

export interface ErrorReport {
  id: string;
  node_name: string;
  /** Milliseconds since the epoch. */
  error_time: number;
  module: 'CONTROLLER';
  exception: string;
  exception_message: string;
  origin_file: string;
  origin_method: string;
  origin_line: number;
}

/** Where the real controller raises what it reports; names from linstor-server 1.33.3. */
export interface Origin {
  exception: string;
  file: string;
  method: string;
  line: number;
}

/** The controller's error reports: numbered within this run of the controller. */
export class ErrorReports {
  private readonly reports: ErrorReport[] = [];
  private readonly instance = randomBytes(4).toString('hex').toUpperCase();

  constructor(private readonly now: () => number) {}

  /** Files a report and returns its id, e.g. 6B01A28B-00000-000003. */
  file(message: string, origin: Origin): string {
    const id = `${this.instance}-00000-${String(this.reports.length).padStart(6, '0')}`;
    this.reports.push({
      id,
      node_name: 'controller-0',
      error_time: this.now(),
      module: 'CONTROLLER',
      exception: origin.exception,
      exception_message: message,
      origin_file: origin.file,
      origin_method: origin.method,
      origin_line: origin.line,
    });
    return id;
  }

  /** Reports within [since, to], oldest first; both bounds in milliseconds since the epoch. */
  list(since: number, to: number): ErrorReport[] {
    return this.reports.filter((report) => report.error_time >= since && report.error_time <= to);
  }

  find(id: string): ErrorReport[] {
    return this.reports.filter((report) => report.id === id);
  }
}
