import { isAsFound } from './support/asFound';
import { describeImage, planCluster } from '../config/plan';
import { stackPolicy } from './support/define';
import { stackFacts } from './support/facts';
import { imageOf, nodeVms, templateVms } from './support/nodes';

export const nodeTemplatePresent = stackPolicy(
  {
    name: 'node-template-present',
    description: 'A node whose template is missing, or of another release, is deleted and cannot be made again.',
  },
  ({ stack, unknowns, report }) => {
    const templates = templateVms(stack);
    unknowns.each(nodeVms(stack), ({ props, name, resource }) => {
      const wanted = props.clone?.vmId;
      const template = templates.find((candidate) => candidate.props.vmId === wanted);
      if (!template)
        report(
          `${name}: expected a template with VM id ${String(wanted)} in this stack, found none. Check releases and ` +
            `nodes.${name} in the stack file.`,
          resource.urn,
        );
      else if (imageText(template.props.description) !== imageText(props.description) && !isAsFound(resource.name))
        report(
          `${name}: expected a template of "${imageText(props.description)}", found "${template.props.description ?? ''}" in ` +
            `${template.name}. Put the release into the other slot: npx prox-ops release.`,
          resource.urn,
        );
    });
  },
);

/** A node's description says more than its template's. */
function imageText(description = ''): string {
  const image = imageOf(description);
  return image ? describeImage(image.talos, image.schematic) : description;
}

export const previousReleaseBootable = stackPolicy(
  {
    name: 'previous-release-bootable',
    description: 'Without the templates of both release slots there is no way back from a release that fails.',
  },
  ({ stack, unknowns, report }) => {
    const config = stackFacts();
    if (!config || nodeVms(stack).length === 0) return;
    const present = templateVms(stack);
    unknowns.each(planCluster(config).templates, ({ key, vmId, host, variant, release }) => {
      if (present.some(({ props }) => props.vmId === vmId)) return;
      report(
        `expected template ${key} (VM id ${vmId}, Talos ${release.talos}, ${variant}, on ${host}), found none. Describe the ` +
          `templates of both filled slots of prox-ops:releases.`,
      );
    });
  },
);
