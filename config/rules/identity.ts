import { reservedTags, planNics } from '../plan';
import { Problem } from '../problem';
import { claimedTwice, nodesOf, rule, type Rule } from './rule';

/** What identifies a VM: ids, MACs, tags, names. Proxmox lets every one of these clash silently. */
export const IDENTITY_RULES: Rule[] = [
  rule(['nodes'], (config) => {
    const claims = nodesOf(config).map(([name, { vmId }]) => ({
      at: ['nodes', name, 'vmId'],
      value: vmId,
      owner: name,
    }));
    return claimedTwice('a VM id', claims);
  }),

  // Made MACs are 24 bits of a hash: with a few hundred NICs two can be equal.
  rule(['cluster', 'proxmox', 'networks', 'nodes'], (config) => {
    const claims = nodesOf(config).flatMap(([name, node]) =>
      planNics(config, name, node).map(({ mac, network }) => ({
        at: network === undefined ? ['nodes', name, 'mac'] : ['nodes', name, 'networks', network],
        value: mac,
        owner: name,
      })),
    );
    return claimedTwice('a MAC address', claims);
  }),

  rule(['proxmox', 'nodes'], (config) => {
    const { templateIds, hosts } = config.proxmox;
    const width = hosts.length * 2;
    const inside = (vmId: number, first: number) => vmId >= first && vmId < first + width;
    return nodesOf(config).flatMap(([name, { vmId }]) =>
      [templateIds.a, templateIds.b]
        .filter((first) => inside(vmId, first))
        .map((first) => {
          const expected = `an id outside the template slot ${first}-${first + width - 1}`;
          return new Problem(['nodes', name, 'vmId'], expected, String(vmId));
        }),
    );
  }),

  rule(['proxmox'], ({ proxmox: { templateIds, hosts } }) => {
    const width = hosts.length * 2;
    if (Math.abs(templateIds.a - templateIds.b) >= width) return [];
    const expected = `slots at least ${width} ids apart (two a host)`;
    return [new Problem(['proxmox', 'templateIds'], expected, `${templateIds.a} and ${templateIds.b}`)];
  }),

  rule(['nodes'], (config) =>
    nodesOf(config)
      .filter(([name]) => /^talos-v?\d/.test(name))
      .map(([name]) => new Problem(['nodes', name], 'a name that no template can have', name)),
  ),

  rule(['cluster', 'nodes'], (config) =>
    nodesOf(config).flatMap(([name, node]) => {
      const own = reservedTags(config, node);
      return node.tags.flatMap((tag, index) => {
        if (!own.includes(tag) && node.tags.indexOf(tag) === index) return [];
        const expected = own.includes(tag) ? 'a tag that the program does not give itself' : 'each tag once';
        return [new Problem(['nodes', name, 'tags', index], expected, tag)];
      });
    }),
  ),
];
