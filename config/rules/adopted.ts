import { Problem } from '../problem';
import { rule, type Rule } from './rule';

/** What was adopted is in the file as well, and no template has the VM id of a node or of another template. */
export const ADOPTED_RULES: Rule[] = [
  rule(
    ['adopted', 'nodes'],
    ({ adopted, nodes }) =>
      Object.keys(adopted.nodes)
        .filter((name) => !(name in nodes))
        .map((name) => new Problem(['adopted', 'nodes', name], 'the name of a node', 'none of that name')),
    { everyNode: true },
  ),
  rule(['adopted', 'nodes'], ({ adopted, nodes }) => {
    const owners = new Map(Object.entries(nodes).map(([name, { vmId }]) => [vmId, `node ${name}`]));
    return Object.entries(adopted.templates).flatMap(([key, { vmId }]) => {
      const owner = owners.get(vmId);
      if (owner === undefined) owners.set(vmId, `template ${key}`);
      if (owner === undefined) return [];
      return [new Problem(['adopted', 'templates', key, 'vmId'], 'a VM id of its own', `${vmId}, which ${owner} has`)];
    });
  }),
];
