interface Exported {
  deployment: { resources: { urn: string; type: string; protect?: boolean; outputs?: Record<string, unknown> }[] };
}

export type ExportedResource = Exported['deployment']['resources'][number];

export function resourcesOf(exported: string): ExportedResource[] {
  return (JSON.parse(exported) as Exported).deployment.resources;
}

/** How the engine writes a secret into a state. */
const SIGNATURE = '4dabf18193072939515e22adb298388d';

/** Names of values that give access; certificates and ids stand beside them, and are public. */
const PRIVATE =
  /^(key|clientKey|token|secret|bootstrapToken|secretboxEncryptionSecret|aescbcEncryptionSecret|apiToken)$/;

/**
 * Every private value of a cluster, from its state exported with `--show-secrets`: CA keys, tokens, client keys. Kept in
 * memory alone.
 */
export function privateValues(exported: string): string[] {
  const types = /^talos:(machine\/secrets:Secrets|cluster\/kubeconfig:Kubeconfig)$|^pulumi:providers:proxmoxve$/;
  const found = new Set<string>();
  for (const { type, outputs } of resourcesOf(exported)) if (types.test(type)) collect(outputs, found);
  return [...found];
}

function collect(value: unknown, found: Set<string>, name = ''): void {
  if (typeof value === 'string') {
    if (PRIVATE.test(name) && value !== '') found.add(value);
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  const { [SIGNATURE]: signature, plaintext } = value as { [SIGNATURE]?: string; plaintext?: string };
  if (signature !== undefined && plaintext !== undefined) {
    collect(JSON.parse(plaintext), found, name);
    return;
  }
  for (const [key, part] of Object.entries(value)) collect(part, found, Array.isArray(value) ? name : key);
}
