import { isMap, isScalar, LineCounter, parseDocument } from 'yaml';
import { basename } from 'node:path';

/** Where in the stack file the nodes are described. */
export interface Lines {
  /** Name of the stack file. */
  file: string;
  nodes: Map<string, number>;
}

/** Reads the lines of a stack file's nodes. */
export function linesOf(path: string, text: string): Lines {
  const counter = new LineCounter();
  const found = parseDocument(text, { lineCounter: counter }).getIn(['config', 'prox-ops:nodes']);
  const nodes = new Map<string, number>();
  for (const { key } of isMap(found) ? found.items : [])
    if (isScalar(key) && key.range) nodes.set(String(key.value), counter.linePos(key.range[0]).line);
  return { file: basename(path), nodes };
}

/** The line of a node; the first of the file for what concerns none. */
export function locate({ file, nodes }: Lines, node: string | undefined): { file: string; line: number } {
  return { file, line: (node === undefined ? undefined : nodes.get(node)) ?? 1 };
}
