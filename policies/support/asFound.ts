import { stackFacts } from './facts';

/**
 * Whether a VM was adopted and was not replaced since: its name, tags, description and a template's id are somebody else's
 * choice. The entry goes with the VM; until then also an update that targets others registers it as it was found.
 * @param resource name of the VM's resource.
 */
export function isAsFound(resource: string): boolean {
  const { nodes = {}, templates = {} } = stackFacts()?.adopted ?? {};
  return [
    ...Object.keys(nodes).map((name) => `${name}-vm`),
    ...Object.keys(templates).map((key) => `template-${key}`),
  ].some((name) => name === resource);
}
