import { z } from 'zod';
import { text, vmId } from './scalars';

const keep = z
  .array(text)
  .default([])
  .describe('Properties of the VM that stay as they were found, as the Proxmox provider names them.');

const image = text.describe(
  'What it was when it was found. Once the rest of this file says otherwise the entry has no effect, and the node is replaced.',
);

const node = z.strictObject({
  image,
  vmName: text.optional().describe('Name of its VM, where that is not the name of the node.'),
  keep,
  keepConfiguration: z.boolean().default(false).describe('Whether its machine configuration stays as it was found.'),
});

const template = z.strictObject({
  image,
  vmId: vmId.describe('VM id, also where it is not the one that the program would give.'),
  keep,
});

/** What was there before the program, as `prox-ops adopt` found it. */
export const adopted = z
  .strictObject({
    nodes: z.record(text, node).default({}).describe('Nodes that were taken over, by name, until they are replaced.'),
    templates: z.record(text, template).default({}).describe('Templates that were taken over: `a-thor-gpu`.'),
  })
  .describe('What `prox-ops adopt` took over as it was. Entries go when what they are about is replaced.');

export type AdoptedNode = z.infer<typeof node>;
export type AdoptedTemplate = z.infer<typeof template>;
