import { createHash, timingSafeEqual } from 'node:crypto';
import { PveError } from '../errors.js';

/** The API tokens that the cluster knows: USER@REALM!ID=UUID each. */
export class Tokens {
  private readonly secrets = new Map<string, Buffer>();

  /** @throws Error when it isn't of that form; the message never holds the token. */
  add(token: string): void {
    const match = TOKEN.exec(token);
    if (!match) throw new Error('Proxmox API token: expected USER@REALM!ID=UUID, found another form');
    this.secrets.set(match[1]!, digest(match[2]!));
  }

  /** @param id USER@REALM!ID */
  remove(id: string): void {
    this.secrets.delete(id);
  }

  /** The caller's token id. @throws PveError 401 saying why not. */
  authenticate(header: string | undefined): string {
    const given = /^PVEAPIToken[= ](.+)$/.exec(header ?? '')?.[1];
    if (given === undefined) throw new PveError(401, 'No ticket');
    const match = TOKEN.exec(given);
    if (!match) throw new PveError(401, 'no tokenid specified');
    const [, id, secret] = match as unknown as [string, string, string];
    const known = this.secrets.get(id);
    const user = id.slice(0, id.indexOf('!'));
    if (!known) throw new PveError(401, this.knowsUser(user) ? noToken(id, user) : `no such user ('${user}')`);
    if (!timingSafeEqual(known, digest(secret))) throw new PveError(401, 'invalid token value!');
    return id;
  }

  private knowsUser(user: string): boolean {
    return [...this.secrets.keys()].some((id) => id.startsWith(`${user}!`));
  }
}

const TOKEN = /^([^@\s]+@[^!\s]+![^=\s]+)=(\S+)$/;

function noToken(id: string, user: string): string {
  return `no such token '${id.slice(id.indexOf('!') + 1)}' for user '${user}'`;
}

/** Of equal length, whatever was sent. */
function digest(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}
