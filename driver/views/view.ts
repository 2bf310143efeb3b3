/** What shows a run while it goes on. */
export interface View {
  /** Lets something else have the terminal meanwhile. */
  aside: <T>(act: () => Promise<T>) => Promise<T>;
  /** Ends it; once, however often it is called. The last picture stays. */
  close: () => void;
}

/** A view of lines: nothing to stop, and a question fits between two of them. */
export const LINES: View = { aside: (act) => act(), close: () => undefined };
