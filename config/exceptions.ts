/** Somebody's word that a policy does not hold for one subject, for a time. */
export interface Exception {
  /** What it is for, as the policy's message names it. */
  subject: string;
  reason: string;
  /** Who answers for it. */
  by: string;
  /** Last day, YYYY-MM-DD (UTC). */
  until: string;
}

/** Whether a subject is excused today; else what to add to the message. */
export function excuse(
  exceptions: Exception[] | undefined,
  subject: string,
  today = new Date(),
): { excused: true } | { excused: false; hint: string } {
  const found = exceptions?.find((exception) => exception.subject === subject);
  if (!found) return { excused: false, hint: `no exception for ${subject}` };
  // The last day counts in full.
  if (today.toISOString().slice(0, 10) <= found.until) return { excused: true };
  return { excused: false, hint: `the exception of ${found.by} for ${subject} expired on ${found.until}` };
}
