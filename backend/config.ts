import { z } from 'zod';

/** S3's limit for the number of replaced versions that a lifecycle rule can count. */
const MOST_VERSIONS = 100;
/** R004-FR4: so many states must be there to go back to. */
const FEWEST_VERSIONS = 30;

const shape = z.object({
  bucket: z
    .string('expected the name of the bucket')
    // A dot in the name would not fit the certificate of S3's own host names.
    .regex(
      /^(?!xn--)(?!.*-s3alias$)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/,
      'expected 3 to 63 lower-case letters, digits and hyphens',
    ),
  keepVersions: wholeNumber(FEWEST_VERSIONS, MOST_VERSIONS).default(MOST_VERSIONS),
  keepDays: wholeNumber(1, 36500).default(90),
  kmsKeyArn: z
    .string()
    .regex(
      /^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/\S+$/,
      'expected the ARN of a key, arn:aws:kms:REGION:ACCOUNT:key/ID',
    )
    .optional(),
});

export type BackendConfig = z.infer<typeof shape>;

/** Keys of the stack file, without the project's name. */
export const BACKEND_KEYS = Object.keys(shape.shape) as (keyof BackendConfig)[];

/** Checks the backend stack's configuration, in which every value is text. @throws Error with every problem at once. */
export function validateBackend(given: Record<string, string | undefined>): BackendConfig {
  const parsed = shape.safeParse(given);
  if (parsed.success) return parsed.data;
  const lines = parsed.error.issues.map(({ path, message }) => {
    const key = path.map(String).join('.');
    return `  prox-ops-backend:${key}: ${message}, found ${given[key] === undefined ? 'nothing' : `'${given[key]}'`}`;
  });
  throw new Error(`${lines.length} problem(s) in the backend's configuration:\n${lines.join('\n')}`);
}

function wholeNumber(from: number, to: number) {
  const message = `expected a whole number from ${from} to ${to}`;
  return z.string().regex(/^\d+$/, message).transform(Number).pipe(z.number().min(from, message).max(to, message));
}
