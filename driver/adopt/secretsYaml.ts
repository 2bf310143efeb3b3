import { readFile } from 'node:fs/promises';
import type { TalosCli } from '@prox-ops/operations';
import { parse } from 'yaml';
import type { Findings } from './findings';
import { at, mainDocument, type LiveNode } from './liveCluster';

/** Where a secrets.yaml and a control plane's machine configuration say the same. */
const SAME: [string[], string[]][] = [
  [
    ['cluster', 'id'],
    ['cluster', 'id'],
  ],
  [
    ['cluster', 'secret'],
    ['cluster', 'secret'],
  ],
  [
    ['trustdinfo', 'token'],
    ['machine', 'token'],
  ],
  [
    ['certs', 'os', 'crt'],
    ['machine', 'ca', 'crt'],
  ],
  [
    ['certs', 'k8s', 'crt'],
    ['cluster', 'ca', 'crt'],
  ],
  [
    ['certs', 'etcd', 'crt'],
    ['cluster', 'etcd', 'ca', 'crt'],
  ],
];

/**
 * The cluster's secrets.yaml: from a file, which must be this cluster's, or from what a control plane runs with.
 * The text is a secret.
 */
export async function readSecrets(
  file: string | undefined,
  nodes: LiveNode[],
  talos: TalosCli,
  findings: Findings,
): Promise<string> {
  const controlPlane = nodes.find(({ role }) => role === 'controlplane');
  if (!controlPlane) return '';
  if (file === undefined) return talos.secretsOf(controlPlane.configuration);
  const text = await readFile(file, 'utf8').catch((error: Error) => {
    findings.problem(`--secrets: expected a readable file, found: ${error.message}`);
    return '';
  });
  if (text !== '') checkSecrets(file, text, controlPlane, findings);
  return text;
}

function checkSecrets(file: string, content: string, controlPlane: LiveNode, findings: Findings): void {
  const secrets = parseOrNothing(content);
  if (at(secrets, 'sops') !== undefined) {
    findings.problem(`--secrets: expected a decrypted secrets.yaml, found one encrypted by sops in ${file}`);
    return;
  }
  const main = mainDocument(controlPlane.documents);
  const wrong = SAME.filter(([mine, theirs]) => at(secrets, ...mine) !== at(main, ...theirs)).map(([mine]) =>
    mine.join('.'),
  );
  if (wrong.length > 0)
    findings.problem(
      `--secrets: expected the secrets.yaml that ${controlPlane.name} runs with, found other values of ${wrong.join(', ')}`,
    );
}

function parseOrNothing(content: string): unknown {
  try {
    return parse(content) as unknown;
  } catch {
    return undefined;
  }
}
