import type { ClusterAccess } from '../contract.js';

/** Shorter values are names and flags, not keys; replacing them would make messages unreadable. */
const SHORTEST_SECRET = 12;

/**
 * Returns a function that blots out every secret of `access` in a text. Messages are written so that none gets in;
 * this is the second line, for what a server or a program puts into its own error texts.
 */
export function redactor(access: ClusterAccess): (text: string) => string {
  const secrets = [
    ...tokenParts(access.proxmoxToken),
    ...configSecrets(access.kubeconfig),
    ...configSecrets(access.talosconfig),
  ];
  const known = [...new Set(secrets)].filter((secret) => secret.length >= SHORTEST_SECRET);
  known.sort((a, b) => b.length - a.length);
  return (text) =>
    known
      .reduce((result, secret) => result.replaceAll(secret, '[secret]'), text)
      .replace(/-----BEGIN [^-]+-----[\s\S]*?(-----END [^-]+-----|$)/g, '[secret]');
}

function tokenParts(token: string): string[] {
  const value = token.split('=')[1];
  return value === undefined ? [token] : [token, value];
}

/** Values of the keys under which kubeconfig and talosconfig keep credentials, in YAML or JSON. */
function configSecrets(config: string): string[] {
  const pattern =
    /["']?[\w-]*(?:key|token|password|crt|cert|certificate-data|secret)[\w-]*["']?\s*:\s*["']?([^\s"',}]+)/gi;
  return [...config.matchAll(pattern)].map((match) => match[1] ?? '');
}
