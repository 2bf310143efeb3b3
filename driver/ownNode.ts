import { CommandError, ExitCode } from './exit';

/** Variable that a pod has from the downward API: the node that it runs on. */
export const OWN_NODE = 'PROX_OPS_NODE_NAME';

/** The node that we run on ourselves; undefined outside the cluster. */
export function ownNode(environment: Readonly<Record<string, string | undefined>> = process.env): string | undefined {
  const name = environment[OWN_NODE];
  return name === '' ? undefined : name;
}

/** @throws CommandError for a change of one node alone that would take us along. */
export function refuseOwnNode(node: string, command: string): void {
  if (node !== ownNode()) return;
  throw new CommandError(
    `${node}: expected to run on another node, found ourselves on it (${OWN_NODE}). Nothing was changed. Go on from ` +
      `elsewhere with: prox-ops ${command} ${node}`,
    ExitCode.blocked,
  );
}
