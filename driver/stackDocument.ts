import { isCollection, isMap, isScalar, LineCounter, parseDocument, type Document, type Node } from 'yaml';
import { knownKey } from '../config/issues';
import { Problem } from '../config/problem';
import type { StackConfig } from '../config/schema';
import { SECRET_KEYS } from '../config/secretKeys';
import { withoutSecret } from '../config/secretShapes';
import { inspect, plainSecrets } from '../config/validate';

const NAMESPACE = 'prox-ops';

/** The keys that Pulumi knows at the top of a stack file. */
const TOP_KEYS = ['config', 'encryptionsalt', 'encryptedkey', 'secretsprovider', 'environment'];

/** One thing wrong with a stack file, and where in the file. */
export interface FileProblem {
  /** From 1; absent where the file has no place for it. */
  line?: number;
  /** `prox-ops:nodes.k8s-ctrl-1.vmId` */
  path: string;
  expected: string;
  found: string;
}

export interface CheckedStack {
  document: Document;
  /** Absent when the file is not of the right shape. */
  config?: StackConfig;
  problems: FileProblem[];
}

/** Reads and checks the text of a stack file. Never throws for what is in it. */
export function checkStackText(text: string): CheckedStack {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const syntax = syntaxProblems(document, text, lines);
  // What else is wrong can be told of a file with a key that comes twice, and of no other that is not YAML.
  if (document.errors.some(({ code }) => code !== 'DUPLICATE_KEY')) return { document, problems: syntax };
  const { config, problems } = contentProblems(document.toJS() as unknown);
  const placed = problems.map((problem) => inFile(problem, document, lines));
  const inOrder = [...syntax, ...placed].sort((left, right) => (left.line ?? 0) - (right.line ?? 0));
  return { document, ...(config && { config }), problems: inOrder };
}

function syntaxProblems(document: Document, text: string, lines: LineCounter): FileProblem[] {
  return document.errors.map(({ code, message, pos }) => {
    const line = lines.linePos(pos[0]).line;
    // What follows in the message repeats the file's text.
    const complaint = withoutSecret(message.replace(/ at line [^]*/, ''));
    if (code !== 'DUPLICATE_KEY') return { line, path: '', expected: 'YAML', found: complaint };
    const key = /^[^:\s]*(:[^:\s]+)?/.exec(text.slice(pos[0]))?.[0] ?? '';
    return { line, path: '', expected: 'each key once', found: withoutSecret(`'${key}' again`) };
  });
}

/** Problems whose paths begin at the top of the file. */
function contentProblems(content: unknown): { config?: StackConfig; problems: Problem[] } {
  const top = mapping(content);
  const settings = mapping(top.config);
  const raw: Record<string, unknown> = {};
  const problems = Object.keys(top)
    .filter((key) => !TOP_KEYS.includes(key))
    .map((key) => new Problem([key], knownKey(key, TOP_KEYS), `'${key}'`));
  for (const [key, value] of Object.entries(settings)) {
    const [namespace = '', name] = key.split(':');
    if (name === undefined)
      problems.push(new Problem(['config', key], `a namespace (${NAMESPACE}:${key})`, `'${key}'`));
    else if (namespace !== NAMESPACE) problems.push(...foreign(key, namespace, value));
    else if (name in SECRET_KEYS) problems.push(...secretProblems(key, value));
    else raw[name] = value;
  }
  const { config, problems: inside } = inspect(raw);
  const moved = inside.map(({ at: [section, ...rest], expected, found }) => {
    return new Problem(['config', `${NAMESPACE}:${String(section)}`, ...rest], expected, found);
  });
  return { ...(config && { config }), problems: [...problems, ...moved] };
}

function mapping(value: unknown): Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

/** Other namespaces belong to Pulumi and its providers, unless they are ours, misspelt. */
function foreign(key: string, namespace: string, value: unknown): Problem[] {
  const at = ['config', key];
  const hint = knownKey(namespace, [NAMESPACE]);
  if (hint.includes('did you mean')) return [new Problem(at, hint.replace('key', 'namespace'), `'${namespace}'`)];
  return plainSecrets(value, at);
}

/** A secret as `pulumi config set --secret` writes it: `secure: v1:...`. The value itself is never told. */
function secretProblems(key: string, value: unknown): Problem[] {
  if (typeof mapping(value).secure === 'string') return [];
  const expected = `a secret, as \`pulumi config set --secret ${key}\` writes it`;
  return [new Problem(['config', key], expected, typeof value === 'string' ? 'plain text' : 'none')];
}

function inFile(problem: Problem, document: Document, lines: LineCounter): FileProblem {
  const { at, expected, found, path } = problem;
  const offset = offsetOf(document.contents, at);
  return {
    ...(offset !== undefined && { line: lines.linePos(offset).line }),
    path: path.replace(/^config\./, ''),
    expected,
    found,
  };
}

/** Where a key stands, or else the innermost mapping around it that is there. */
function offsetOf(top: Node | null, at: PropertyKey[]): number | undefined {
  let node: unknown = top;
  let offset: number | undefined;
  for (const key of at) {
    const pair = isMap(node) ? node.items.find((item) => isScalar(item.key) && item.key.value === key) : undefined;
    const next: unknown = pair ? pair.value : isCollection(node) ? node.get(key, true) : undefined;
    const place = pair ? (pair.key as Node) : (next as Node | undefined);
    if (!place?.range) break;
    offset = place.range[0];
    node = next;
  }
  return offset;
}
