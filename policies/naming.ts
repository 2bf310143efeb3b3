import { isAsFound } from './support/asFound';
import { resourcePolicy } from './support/define';
import { stackFacts } from './support/facts';
import { nodeNameOf, type VmProps } from './support/nodes';
import { VM } from './support/types';

const WHERE = 'Change it in components/, which names and tags machines by config/plan.ts.';

export const vmNames = resourcePolicy(
  {
    name: 'vm-names',
    description: 'A VM under another name than its node is the one that somebody deletes by hand, by mistake.',
  },
  [VM],
  ({ resource, report }) => {
    if (isAsFound(resource.name)) return;
    const { name, template } = resource.props as VmProps;
    const node = nodeNameOf(resource);
    if (template === true) {
      if (name?.startsWith('talos-') !== true)
        report(
          `${resource.name}: expected a template named talos-RELEASE-VARIANT-HOST, found ${name ?? 'none'}. ${WHERE}`,
        );
    } else if (name !== node) report(`${node}: expected the VM to be named ${node}, found ${name ?? 'none'}. ${WHERE}`);
  },
);

/** What Proxmox takes for a tag; it lower-cases others, and the provider then sees a difference for ever. */
const TAG = /^[a-z0-9_][a-z0-9_.+-]*$/;

export const vmTags = resourcePolicy(
  {
    name: 'vm-tags',
    description: 'Backups, firewalls and people find machines by their tags; the driver knows ours by them.',
    config: { properties: { required: { type: 'array', items: { type: 'string' } } } },
  },
  [VM],
  ({ resource, report }) => {
    if (isAsFound(resource.name)) return;
    const props = resource.props as VmProps;
    const tags = Array.from(props.tags ?? []);
    const name = nodeNameOf(resource);
    const where = props.template === true ? WHERE : `Set nodes.${name}.tags.`;
    const { required = [] } = resource.getConfig<{ required?: string[] }>();
    const cluster = stackFacts()?.cluster.name;
    const own = props.template === true ? ['template'] : [...(cluster === undefined ? [] : [cluster]), ...required];
    for (const tag of new Set(['prox-ops', ...own]))
      if (!tags.includes(tag)) report(`${name}: expected the tag ${tag}, found ${tags.join(', ') || 'none'}. ${where}`);
    if (props.template !== true && tags.filter((tag) => tag === 'controlplane' || tag === 'worker').length !== 1)
      report(`${name}: expected one of the tags controlplane and worker, found ${tags.join(', ') || 'none'}. ${WHERE}`);
    for (const tag of tags.filter((candidate) => !TAG.test(candidate)))
      report(`${name}: expected tags in lower case with digits and _.+-, found ${tag}. ${where}`);
    if (new Set(tags).size < tags.length) report(`${name}: expected each tag once, found ${tags.join(', ')}. ${where}`);
  },
);
