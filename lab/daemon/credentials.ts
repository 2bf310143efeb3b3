import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { LAB_PASSPHRASE } from '../inventory/project.js';
import { type Authority, createAuthority } from '../world/certificates.js';
import type { LabDirectory } from './directory.js';

/** What a lab makes for itself at each start; the secret parts are in files of mode 0600. */
export interface Credentials {
  authority: Authority;
  /** USER@REALM!ID=UUID */
  proxmoxToken: string;
  controlToken: string;
}

/** Where systems keep the authorities they trust. */
const SYSTEM_TRUST = ['/etc/ssl/certs/ca-certificates.crt', '/etc/pki/tls/certs/ca-bundle.crt', '/etc/ssl/cert.pem'];

export async function makeCredentials(directory: LabDirectory): Promise<Credentials> {
  const authority = await createAuthority({ commonName: 'Proxmox Virtual Environment', algorithm: 'ecdsa' });
  const proxmoxToken = `root@pam!lab=${randomUUID()}`;
  const controlToken = randomBytes(32).toString('hex');
  directory.write(directory.authority, authority.crt);
  directory.write(directory.trust, `${systemTrust()}\n${authority.crt}`);
  directory.write(directory.proxmoxToken, `${proxmoxToken}\n`);
  directory.write(directory.controlToken, `${controlToken}\n`);
  directory.write(directory.passphrase, `${LAB_PASSPHRASE}\n`);
  return { authority, proxmoxToken, controlToken };
}

/** SSL_CERT_FILE replaces what a program trusts, so the system's own authorities have to be in it as well. */
function systemTrust(): string {
  const own = process.env['SSL_CERT_FILE'];
  const file = [...(own ? [own] : []), ...SYSTEM_TRUST].find((candidate) => existsSync(candidate));
  return file === undefined ? '' : readFileSync(file, 'utf8');
}
