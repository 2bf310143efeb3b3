import type { Evidence, Mapping } from './evidence';
import type { Leftover } from './leftover';
import type { Own } from './own';

/**
 * Stale PCI mappings, and guests that name one that is not there. The program makes no mapping: a person has made each,
 * so they are told and never deleted.
 */
export function judgeMappings(found: Evidence, own: Own): Leftover[] {
  return [...found.mappings.flatMap((mapping) => stale(mapping, found, own)), ...dangling(found)];
}

function stale(mapping: Mapping, found: Evidence, own: Own): Leftover[] {
  const { id, devices, problems } = mapping;
  const common = {
    kind: 'PCI mapping' as const,
    name: id,
    where: devices.map((text) => text.split(' ')[0]).join(', '),
  };
  const remove = `pvesh delete /cluster/mapping/pci/${id}`;
  if (problems.length > 0)
    return [
      {
        ...common,
        verdict: 'stale',
        evidence: problems.join('; '),
        remedy: `name the device that is there (Datacenter, Resource Mappings), or ${remove}`,
      },
    ];
  const used = found.machines.some(({ pci }) => pci.some((entry) => entry.mapping === id));
  if (used || own.mappings.has(id)) return [];
  const unknown = found.unknown.length > 0;
  return [
    {
      ...common,
      verdict: unknown ? 'unknown' : 'stale',
      evidence: unknown ? found.unknown.join('; ') : "no guest's hostpci names it, nor the stack file",
      remedy: `somebody made it by hand; where nobody wants it any more: ${remove}`,
    },
  ];
}

/** A token without Mapping.Audit sees no mapping at all: then nothing can be said of any. */
function dangling({ machines, mappings }: Evidence): Leftover[] {
  if (mappings.length === 0) return [];
  return machines.flatMap(({ vmId, name, host, pci }) =>
    pci
      .filter(({ mapping }) => !mappings.some(({ id }) => id === mapping))
      .map(({ slot, mapping }) => ({
        kind: 'PCI device' as const,
        name: `${slot} of ${vmId} ${name}`,
        where: host,
        verdict: 'stale' as const,
        evidence: `names the mapping ${mapping}, which is not there, or which the token may not see`,
        remedy: `make the mapping again, or qm set ${vmId} --delete ${slot}: without it the guest does not start`,
      })),
  );
}
