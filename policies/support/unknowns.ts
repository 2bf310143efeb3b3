/**
 * Reading a value that a preview does not know yet throws in the policy SDK, which then says that the policy could not
 * be run. Thrown at once, one unknown value would hide every violation behind it: so each subject is tried by itself,
 * what is certain is reported, and only then it is admitted that something could not be judged. Unknown never passes.
 */
export class Unknowns {
  private first: Error | undefined;

  /** The value read, or undefined when it is not known yet. */
  attempt<T>(read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!isUnknownValue(error)) throw error;
      this.first ??= error;
      return undefined;
    }
  }

  /** Judges each subject, whatever is unknown about another one. */
  each<T>(subjects: Iterable<T>, judge: (subject: T) => void): void {
    for (const subject of subjects)
      this.attempt(() => {
        judge(subject);
      });
  }

  /** Has the SDK say what could not be judged, if anything. */
  admit(): void {
    if (this.first) throw this.first;
  }
}

/** The SDK's own error is not exported; it alone carries this property. */
function isUnknownValue(error: unknown): error is Error {
  return error instanceof Error && 'unknownTypeSentinel' in error;
}
