import { parse } from 'yaml';
import { forms, plainText } from './secretText';

/** Shorter values are names and words; looking for them would make messages unreadable. */
const SHORTEST = 12;
/** So many characters of a secret in a row give it away: a message may be cut, or broken up. */
const FRAGMENT = 12;

/** Secrets that show by their own form, known to us or not. */
const SHAPES = [
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g,
  /(?<=\/api\/webhooks\/)[^\s"'<>]+/g,
  /(?<=\bPVEAPIToken=[^\s=]+=)[^\s"'<>]+/g,
  /(?<=\b(?:Bearer|Basic) )[\w.~+/=-]{12,}/g,
];

/**
 * Blots out every secret that this process knows of, in whatever it says: whole or in part, as it is, in base64, hex or
 * URL-encoded, also broken over lines. The second line of defence: messages are written so that none gets in.
 */
export class SecretFilter {
  private readonly fragments = new Set<string>();

  /** A value that must never be told; values under 12 characters are not looked for. */
  add(value: string): void {
    if (value.trim().length < SHORTEST) return;
    for (const form of forms(value)) {
      const { text } = plainText(form);
      for (let index = 0; index + FRAGMENT <= text.length; index += 1)
        this.fragments.add(text.slice(index, index + FRAGMENT));
    }
  }

  /** An API token; of a Proxmox one, USER@REALM!ID=UUID, the part before the sign is a name. */
  addToken(token: string): void {
    this.add(/^[^=]+![^=]+=(.+)$/.exec(token)?.[1] ?? token);
  }

  /** Keys, tokens and passwords in a kubeconfig or talosconfig; certificates and addresses are no secrets. */
  addDocument(yaml: string): void {
    for (const value of secretValues(parse(yaml))) this.add(value);
  }

  /** A URL whose path and query are a credential; its host may be told. */
  addUrl(url: string): void {
    if (!URL.canParse(url)) {
      this.add(url);
      return;
    }
    const { pathname, search, searchParams, username, password, hash } = new URL(url);
    for (const part of [...pathname.split('/'), ...searchParams.values(), username, password, hash]) this.add(part);
    this.add(`${pathname}${search}`);
  }

  /** Values of environment variables that are credentials by their name. */
  addEnvironment(environment: Readonly<Record<string, string | undefined>>): void {
    for (const [name, value] of Object.entries(environment))
      if (/(TOKEN|PASSWORD|PASSPHRASE|SECRET|_KEY)$|SECRET_ACCESS/.test(name) && value !== undefined)
        this.addToken(value);
  }

  /** The same value with every string in it cleaned, names of properties included. */
  clean<T>(value: T): T {
    return this.cleaned(value) as T;
  }

  private cleaned(value: unknown): unknown {
    if (typeof value === 'string') return this.text(value);
    if (Array.isArray(value)) return value.map((item) => this.cleaned(item));
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [this.text(key), this.cleaned(item)]));
  }

  private text(original: string): string {
    const shaped = SHAPES.reduce((text, shape) => text.replaceAll(shape, '[secret]'), original);
    const { text, starts, ends } = plainText(shaped);
    let result = '';
    let from = 0;
    for (const [first, last] of this.found(text)) {
      result += `${shaped.slice(from, starts[first])}[secret]`;
      from = ends[last] ?? shaped.length;
    }
    return result + shaped.slice(from);
  }

  /** First and last character of each stretch that gives a secret away. */
  private found(text: string): [number, number][] {
    const stretches: [number, number][] = [];
    for (let index = 0; index + FRAGMENT <= text.length; index += 1) {
      if (!this.fragments.has(text.slice(index, index + FRAGMENT))) continue;
      const last = stretches.at(-1);
      if (last && index <= last[1] + 1) last[1] = index + FRAGMENT - 1;
      else stretches.push([index, index + FRAGMENT - 1]);
    }
    return stretches;
  }
}

function secretValues(value: unknown, key = ''): string[] {
  if (typeof value === 'string') return /key|token|password|secret/i.test(key) ? [value] : [];
  if (Array.isArray(value)) return value.flatMap((item) => secretValues(item, key));
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([name, item]) => secretValues(item, name));
}

/** What this process knows: everything it says goes through it. */
export const secrets = new SecretFilter();
