import { Document, isMap, isScalar, visit, type Node } from 'yaml';

/** First line of a stack file whose adoption was not finished: it may be written again. */
export const UNFINISHED = ' prox-ops adopt was interrupted here: run it again.';

const HEADER = [
  ' Written by `prox-ops adopt` from what runs. Every value was read from Proxmox, Talos or Kubernetes.',
  ' It describes the nodes as they will be made when they are replaced; until then `prox-ops:adopted` keeps them as found.',
].join('\n');

const COMMENTS: Record<string, string> = {
  hosts: ' Template ids count along this list: append, never insert.',
  templateIds: ' First id of each slot, two ids a host. Slot a holds what was found, slot b is for the next release.',
  extensions: ' Machines tell their extensions without the author: siderolabs was assumed.',
  releases: ' What runs is slot a. `npx prox-ops release v1.12.4` puts another one into slot b.',
  roles: ' What most nodes of a role have; `hardware` of a node says what is different there.',
  'prox-ops:linstor': ' Found by the label of the controller; timeouts have their defaults.',
  addons: ' Objects that `npx prox-ops up` makes in Kubernetes once they are wanted: docs/add-ons.md.',
  'prox-ops:adopted':
    ' What was found and is left alone until it is replaced. `keep` names properties of the VM that the program would\n' +
    ' set otherwise. Removing a name, or keepConfiguration, applies it in place: `npx prox-ops adopt` told what restarts.',
};

/** Longest line of a map or list that stands on one line. */
const FLOW = 100;

/** The stack file as text, with comments. @param raw one property for each key, without its namespace. */
export function stackDocument(raw: Record<string, object>, unfinished = false): string {
  const config = Object.fromEntries(Object.entries(raw).map(([key, value]) => [`prox-ops:${key}`, value]));
  const document = new Document({ config });
  document.commentBefore = unfinished ? `${UNFINISHED}\n${HEADER}` : HEADER;
  visit(document, {
    Pair(_, pair) {
      const key = isScalar(pair.key) ? pair.key : undefined;
      const name = String(key?.value).replace(/^prox-ops:(?!linstor|adopted)/, '');
      const comment = COMMENTS[name];
      if (key && comment !== undefined) key.commentBefore = comment;
    },
    Collection(_, node, path) {
      // Keys of the file and the nodes themselves stand on lines of their own.
      if (path.length > 5 && isShort(node)) {
        node.flow = true;
        return visit.SKIP;
      }
      return undefined;
    },
  });
  return document.toString({ lineWidth: 0, flowCollectionPadding: true });
}

function isShort(node: Node): boolean {
  if (isMap(node) && node.items.some(({ value }) => isMap(value))) return false;
  return JSON.stringify(node.toJSON()).length <= FLOW;
}
