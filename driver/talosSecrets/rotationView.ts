import Table from 'cli-table3';
import type { SecretAge } from './ages';

export interface RotationText {
  /** Ages before and after, for people. */
  table: string;
  /** What is to be known of what was rotated, and of what was not; each a sentence of its own. */
  facts: string[];
}

/**
 * What a rotation did to the ages, and what becomes of what was replaced.
 * @param formerToken name of the Proxmox API token that was replaced.
 */
export function rotationText(before: SecretAge[], after: SecretAge[], formerToken?: string): RotationText {
  const table = new Table({
    head: ['secret', 'days old before', 'now', 'expires', ''],
    style: { head: [], border: [], compact: true },
  });
  for (const { name, days, expires, due } of after)
    table.push([
      name,
      text(before.find((old) => old.name === name)?.days),
      text(days),
      date(expires),
      due ? 'due' : '',
    ]);
  return { table: table.toString(), facts: [...formerCertificates(before, after), ...others(formerToken)] };
}

function formerCertificates(before: SecretAge[], after: SecretAge[]): string[] {
  return before.flatMap(({ name, expires }) => {
    const now = after.find((other) => other.name === name)?.expires;
    if (expires === undefined || now === undefined || now.getTime() === expires.getTime()) return [];
    return [
      `${name}: the new one ends on ${date(now)}. The former one cannot be revoked: whoever has it has access until ` +
        `${date(expires)}. Where it may be in wrong hands, only other authorities shut it out: a new cluster.`,
    ];
  });
}

function others(formerToken: string | undefined): string[] {
  const token =
    formerToken === undefined
      ? []
      : [`Proxmox API token: ${formerToken} is not used any more, and still valid until it is removed in Proxmox.`];
  return [
    ...token,
    'Copies of the Talos secrets (secrets export) hold no client certificate: they stay whole and right, and no new one is due.',
    'Hand the new ones out: pulumi stack output talosconfig --show-secrets, and the same of kubeconfig.',
  ];
}

function text(days: number | undefined): string {
  return days === undefined ? 'unknown' : `${days}`;
}

function date(day: Date | undefined): string {
  return day?.toISOString().slice(0, 10) ?? '';
}
