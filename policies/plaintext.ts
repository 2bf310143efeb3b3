import { Secret, type ResourceValidationPolicy } from '@pulumi/policy';
import { resourcePolicy } from './support/define';
import { secretIn, type Allowed } from './support/secretScan';
import { walk } from './support/walk';

/**
 * Paths that are secrets in the engine's eyes, by URN. The SDK unwraps secrets before a policy sees them, except for a
 * remediation, which the engine runs on each resource just before its policies. This one changes nothing.
 */
const marks = new Map<string, Set<string>>();

export const secretMarks: ResourceValidationPolicy = {
  name: 'secret-marks',
  description: 'Notes which inputs the engine keeps as secrets, for no-plaintext-secrets. Changes nothing.',
  enforcementLevel: 'remediate',
  remediateResource: ({ urn, props }) => {
    const found = new Set<string>();
    noteSecrets(props, '', found);
    marks.set(urn, found);
  },
};

/** Reads property descriptors: plain reading goes through the SDK's proxies, which take the mark off. */
function noteSecrets(value: unknown, path: string, found: Set<string>): void {
  if (value instanceof Secret) {
    found.add(path);
    return;
  }
  if (value === null || typeof value !== 'object') return;
  for (const [name, { value: inner }] of Object.entries(Object.getOwnPropertyDescriptors(value))) {
    if (name === 'length' && Array.isArray(value)) continue;
    noteSecrets(inner, Array.isArray(value) ? `${path}[${name}]` : path === '' ? name : `${path}.${name}`, found);
  }
}

export const noPlaintextSecrets = resourcePolicy(
  {
    name: 'no-plaintext-secrets',
    description: 'What is no secret to the engine stands readable in the state, in previews and in CI logs.',
    config: {
      properties: {
        entropy: { type: 'number', default: 4.3, minimum: 3 },
        minimumLength: { type: 'integer', default: 28, minimum: 16 },
        allow: {
          type: 'array',
          items: {
            type: 'object',
            properties: { path: { type: 'string' }, reason: { type: 'string', minLength: 10 } },
            required: ['path', 'reason'],
            additionalProperties: false,
          },
        },
      },
    },
  },
  [],
  ({ resource, unknowns, report }) => {
    const secrets = marks.get(resource.urn);
    if (!secrets) {
      report(
        `${resource.name}: expected to know which inputs are secrets, found no notes. Leave secret-marks at its level, ` +
          `remediate.`,
      );
      return;
    }
    const options = resource.getConfig<{ entropy?: number; minimumLength?: number; allow?: Allowed[] }>();
    walk(resource.props, unknowns, ({ path, key, value }) => {
      if (typeof value !== 'string' || isInside(path, secrets)) return;
      const kind = secretIn({ path: `${resource.type}.${path}`, key, value }, options);
      // Never the value: what a policy says is printed.
      if (kind !== undefined)
        report(
          `${resource.name}: ${path}: expected a secret to be marked as one, found ${kind} in plain text. Wrap it in ` +
            `pulumi.secret(), or name its path under no-plaintext-secrets.allow with a reason.`,
        );
    });
  },
);

function isInside(path: string, secrets: Set<string>): boolean {
  return [...secrets].some(
    (secret) => path === secret || path.startsWith(`${secret}.`) || path.startsWith(`${secret}[`),
  );
}
