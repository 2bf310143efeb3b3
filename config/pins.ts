import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { counted } from './problem';
import { form, version } from './shapes/scalars';

const extensionVersion = form(/^v?\d+(\.\d+)*$/, 'the version of an extension, like 9.2.14');
const extensionName = form(/^[a-z0-9-]+\/[a-z0-9-]+$/, 'the name of an extension, like siderolabs/drbd');
const name = form(/^[a-z0-9-]+$/, 'a name of lower-case letters, digits and hyphens');
const image = form(
  /^[a-z0-9.-]+\.[a-z]+(\/[a-z0-9._-]+)+:\w[\w.-]*(@sha256:[0-9a-f]{64})?$/,
  'an image with registry and tag, like quay.io/name/image:v1.2.3',
);

const mapping = { error: 'expected a mapping' };
const release = {
  talos: version.describe('Talos release of every node.'),
  kubernetes: version.describe('Kubernetes release of every node.'),
};

const shape = z.strictObject(
  {
    release: z.strictObject(release, mapping).describe('What every node is to run.'),
    extensions: z
      .record(extensionName, extensionVersion, mapping)
      .describe('System extensions, as the nodes report them.'),
    tools: z.record(name, version, mapping).describe('Programs, by name.'),
    images: z.record(name, image, mapping).describe('Container images, by name.'),
  },
  mapping,
);

/** What versions.yaml holds: every version that somebody chose. */
export type Pins = z.infer<typeof shape>;

export const PINS_FILE = 'versions.yaml';

/** versions.yaml of this checkout or image: beside the program, however deep this file lies in what was compiled. */
export function pinsFile(from: string = __dirname): string {
  for (let folder = from; ; folder = dirname(folder)) {
    const file = join(folder, PINS_FILE);
    if (existsSync(file)) return file;
    if (dirname(folder) === folder) throw new PinsError(from, [`expected ${PINS_FILE} there or above, found none`]);
  }
}

/** Everything that is wrong with versions.yaml, at once. */
export class PinsError extends Error {
  constructor(file: string, problems: string[]) {
    super(`${file}: ${counted(problems.length, 'problem')}:\n${problems.map((line) => `  ${line}`).join('\n')}`);
    this.name = 'PinsError';
  }
}

let cached: Pins | undefined;

/** The pinned versions. @throws PinsError with every problem of the file at once. */
export function pins(): Pins {
  const file = pinsFile();
  cached ??= parsePins(readFileSync(file, 'utf8'), file);
  return cached;
}

/** The pinned image of a name. @throws PinsError when versions.yaml has none of it. */
export function pinnedImage(image: string): string {
  const { images } = pins();
  const found = images[image];
  if (found !== undefined) return found;
  throw new PinsError(PINS_FILE, [`images: expected '${image}', found ${Object.keys(images).join(', ')}`]);
}

/** @throws PinsError with every problem of the text at once. */
export function parsePins(text: string, file: string): Pins {
  const document = parseDocument(text);
  if (document.errors.length > 0)
    throw new PinsError(
      file,
      document.errors.map(({ message }) => message),
    );
  const raw: unknown = document.toJS();
  const { success, data, error } = shape.safeParse(raw);
  if (success) return data;
  throw new PinsError(
    file,
    error.issues.flatMap((issue) => problems(issue, raw)),
  );
}

function problems(issue: z.core.$ZodIssue, raw: unknown): string[] {
  const where = issue.path.join('.');
  const at = (text: string) => (where === '' ? text : `${where}: ${text}`);
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => at(`expected no other key here, found '${key}'`));
    case 'invalid_key':
      return issue.issues.map(({ message }) => at(`${message}, found '${String(issue.path.at(-1))}'`));
    case 'invalid_type':
      return [at(`${issue.message}, found ${JSON.stringify(valueAt(raw, issue.path)) ?? 'nothing'}`)];
    default:
      return [at(`${issue.message}, found ${JSON.stringify(valueAt(raw, issue.path))}`)];
  }
}

function valueAt(raw: unknown, path: PropertyKey[]): unknown {
  return path.reduce((inner: unknown, key) => (inner as Record<PropertyKey, unknown> | undefined)?.[key], raw);
}

/** JSON Schema (draft 7) of versions.yaml, for editors. */
export function pinsSchema(): object {
  return { title: 'Pinned versions of prox-ops', ...z.toJSONSchema(shape, { target: 'draft-7', io: 'input' }) };
}
