import { parse } from 'yaml';
import type { Vm } from './nodes';
import { SCHEMATIC } from './types';

interface Schematic {
  customization?: { systemExtensions?: { officialExtensions?: string[] } };
}

/** System extensions that a VM's image has, by the schematic that feeds its description; undefined without one. */
export function extensionsOf({ resource }: Vm): string[] | undefined {
  const source = resource.propertyDependencies.description?.find(({ type }) => type === SCHEMATIC);
  if (!source) return undefined;
  const schematic = parse(source.props.schematic as string) as Schematic | null;
  return schematic?.customization?.systemExtensions?.officialExtensions ?? [];
}
