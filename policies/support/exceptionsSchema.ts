import type { PolicyConfigJSONSchema } from '@pulumi/policy/schema';

/** How exceptions are written in the policy configuration (config/exceptions.ts). */
export const exceptionsSchema: PolicyConfigJSONSchema = {
  type: 'array',
  items: {
    type: 'object',
    properties: {
      subject: { type: 'string', minLength: 1 },
      reason: { type: 'string', minLength: 10 },
      by: { type: 'string', minLength: 1 },
      until: { type: 'string', pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' },
    },
    required: ['subject', 'reason', 'by', 'until'],
    additionalProperties: false,
  },
};
