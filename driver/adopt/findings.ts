/** Something of the live cluster that the stack file cannot say as it is. */
export interface Finding {
  /** What it is about: a path in the stack file, or a VM. */
  what: string;
  live: string;
  /** What the program would make. */
  program: string;
  settle: string;
}

/** Gathers what stands in the way (all of it, not the first) and what differs. */
export class Findings {
  /** Without these settled there is no stack file. */
  readonly problems: string[] = [];
  readonly differences: Finding[] = [];

  problem(text: string): void {
    this.problems.push(text);
  }

  differs(what: string, live: string, program: string, settle: string): void {
    this.differences.push({ what, live, program, settle });
  }
}
