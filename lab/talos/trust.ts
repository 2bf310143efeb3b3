import { createAuthority, issue, loadAuthority, type Authority, type Pem } from '../world/certificates.js';
import type { MachineConfiguration } from './configuration.js';

/** What a machine API listener shows and whom it trusts. */
export interface ServerIdentity extends Pem {
  /** The authority whose client certificates are accepted; absent: anybody, without a certificate. */
  clientCa?: string;
}

/**
 * The clusters' OS authorities. A control plane's configuration carries the key; a worker's does not, and its
 * certificate comes from a control plane's trustd, which the fleet stands for.
 */
export class Trust {
  private readonly authorities = new Map<string, Promise<Authority>>();
  private maintenance: Promise<Authority> | undefined;

  /** For maintenance mode: a certificate nobody vouches for. */
  async selfSigned(hostname: string, address: string): Promise<ServerIdentity> {
    this.maintenance ??= createAuthority({ commonName: 'maintenance', algorithm: 'ed25519' });
    return issue(await this.maintenance, {
      commonName: 'maintenance-service.talos.dev',
      dns: [hostname],
      ips: [address],
    });
  }

  /** For a control plane, from the key in its own configuration. */
  async ownIdentity(configuration: MachineConfiguration, hostname: string, address: string): Promise<ServerIdentity> {
    const { crt, key } = configuration.osAuthority;
    let authority = this.authorities.get(crt);
    if (!authority) this.authorities.set(crt, (authority = loadAuthority(crt, key ?? '')));
    return this.identity(await authority, configuration, hostname, address);
  }

  /** For a worker, from a control plane with the same authority; undefined when none has shown it yet. */
  async issuedIdentity(
    configuration: MachineConfiguration,
    hostname: string,
    address: string,
  ): Promise<ServerIdentity | undefined> {
    const authority = await this.authorities.get(configuration.osAuthority.crt);
    return authority && this.identity(authority, configuration, hostname, address);
  }

  private async identity(
    authority: Authority,
    configuration: MachineConfiguration,
    hostname: string,
    address: string,
  ): Promise<ServerIdentity> {
    const sans = configuration.certSans;
    const isAddress = (name: string): boolean => /^[\d.]+$|:/.test(name);
    const pem = await issue(authority, {
      commonName: hostname,
      dns: [hostname, ...sans.filter((name) => !isAddress(name))],
      ips: [...new Set([address, ...sans.filter(isAddress)])],
      days: 1,
    });
    return { ...pem, clientCa: configuration.osAuthority.crt };
  }
}
